#!/bin/bash
# Run a program under valgrind; any error or leak is a failure.
# The program repeats accesses that fault after a signal handler has repaired the cause.  That needs
# exact registers at each memory access, which valgrind keeps only with this option.
exec valgrind --quiet --error-exitcode=99 --trace-children=no \
	--vex-iropt-register-updates=allregs-at-mem-access --leak-check=full \
	--show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$@"
