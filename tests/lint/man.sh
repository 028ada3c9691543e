#!/bin/bash
# mandoc has nothing to say about the manual pages.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v mandoc >/dev/null || {
	echo "skip: mandoc is not installed"
	exit 77
}
mandoc -T lint -W warning man/*.[58]
