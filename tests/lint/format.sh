#!/bin/bash
# Every source file is formatted as .clang-format says.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Other versions break lines elsewhere.
readonly VERSION=14

command -v clang-format >/dev/null || {
	echo "no clang-format"
	exit 77
}
clang-format --version | grep -q "version $VERSION\." || {
	echo "clang-format is not version $VERSION"
	exit 77
}
find src tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
