#!/bin/bash
# mandoc has no warning about the manual pages.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v mandoc >/dev/null || {
	echo "skip: mandoc is not installed"
	exit 77
}
mandoc -T lint -W warning man/*.[58]
