#!/bin/bash
# Run a program under valgrind; any error or leak is a failure.
# An access that faults and is made again, once a handler has mended what it met, needs the registers
# as they were: valgrind has them ready only when told so.
exec valgrind --quiet --error-exitcode=99 --trace-children=no \
	--vex-iropt-register-updates=allregs-at-mem-access --leak-check=full \
	--show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$@"
