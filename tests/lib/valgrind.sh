#!/bin/bash
# Run a program under valgrind; any error or leak is a failure.
exec valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect --trace-children=no "$@"
