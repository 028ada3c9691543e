#!/bin/bash
# Run a program under valgrind; any error or leak is a failure.

# These need mlock2(2), MAP_FIXED_NOREPLACE and pidfd_open(2), which valgrind does not have.
readonly LEFT_OUT=(
	test_slots_stay_in_memory
	test_slot_shared_memory_is_not_adopted_where_other_memory_is
	test_journal_closes_when_the_reader_is_dead
)
export CXLFS_LEAVE_OUT="${LEFT_OUT[*]}"

# The program repeats accesses that fault after a signal handler has repaired the cause.  That needs
# exact registers at each memory access, which valgrind keeps only with this option.
exec valgrind --quiet --error-exitcode=99 --trace-children=no \
	--vex-iropt-register-updates=allregs-at-mem-access --leak-check=full \
	--show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$@"
