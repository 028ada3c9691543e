# cxlfs: GNU make.  `make help` lists the targets.

PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR  ?= $(PREFIX)/share/doc/cxlfs
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

# release, debug, asan, tsan, clang, fuzz or ppc64le; each has its own build directory.
VARIANT ?= release
# auto, system or private (contrib/build/config.sh).
LIBFUSE ?= auto
# IBM's libcxl: auto, yes or no (contrib/build/libcxl.sh).
LIBCXL ?= auto
PKG_CONFIG ?= pkg-config
# Duration of `make soak`, `make stress`, and of each fuzzer of `make fuzz`.
SECONDS ?= 3600

VERSION := $(shell cat contrib/build/version)

choice := $(if $(filter-out auto,$(LIBCXL)),-libcxl-$(LIBCXL))
dir_of = build/$(1)$(if $(filter-out auto,$(LIBFUSE)),-$(LIBFUSE))$(choice)
B := $(call dir_of,$(VARIANT))
CONFIG := build/config-$(LIBFUSE)$(choice)$(if $(filter ppc64le,$(VARIANT)),-ppc64le).mk

# Making $(CONFIG) installs and finds the libraries; these targets need none.
unconfigured := help clean distclean umount uninstall
ifneq ($(filter-out $(unconfigured),$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
endif

# By default, as many jobs as processors.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

all: programs ## build cxlfs and cxlfsadm (build/release/)

# ---- flags ------------------------------------------------------------------

SANITIZE_asan = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE_tsan = -fsanitize=thread -fno-omit-frame-pointer
SANITIZE_fuzz = $(SANITIZE_asan) -fsanitize=fuzzer-no-link
OPTIMIZE_debug = -Og
OPTIMIZE_asan = -Og
OPTIMIZE_tsan = -O1
OPTIMIZE_fuzz = -O1
# Lines for reports; quicker to compile than all of -g. For a debugger there is the variant debug.
DEBUG_asan = -g1

ifeq ($(VARIANT),fuzz)
CC := clang
endif
ifeq ($(VARIANT),clang)
CC := clang
WERROR := 1
endif

BASE_CFLAGS = -std=gnu11 $(or $(OPTIMIZE_$(VARIANT)),-O2) $(or $(DEBUG_$(VARIANT)),-g) -Wall -Wextra \
	$(if $(filter 1,$(WERROR)),-Werror) -pthread $(SANITIZE_$(VARIANT))
BASE_CPPFLAGS = -Isrc -D_GNU_SOURCE -DCXLFS_VERSION='"$(VERSION)"' $(if $(SANITIZE_$(VARIANT)),-DCXLFS_SANITIZED) $(LIB_CFLAGS) $(CPPFLAGS)
COMPILE = $(CC) $(BASE_CPPFLAGS) $(EXTRA_CFLAGS) -MMD -MP $(BASE_CFLAGS) $(CFLAGS)
LINK = $(CC) $(BASE_CFLAGS) $(CFLAGS) $(LDFLAGS)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' $(1) $(2))

# ---- objects and programs ---------------------------------------------------

# One archive holds all layers below fuse.  Only fuse and the daemon need libfuse; the unit suites do
# not link it.
layers    := $(notdir $(patsubst %/,%,$(wildcard src/*/)))
objects_of = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))

OBJ_daemon := $(call objects_of,src/daemon/*.c)
OBJ_adm    := $(call objects_of,src/adm/*.c)
OBJ_fuse   := $(call objects_of,src/fuse/*.c src/fuse/*/*.c)
OBJ_control := $(call objects_of,src/control/*.c)
below     := $(filter-out daemon adm control fuse,$(layers))
OBJ_below  := $(call objects_of,$(below:%=src/%/*.c) $(below:%=src/%/*/*.c))
ifeq ($(LIBCXL_CFLAGS),)
OBJ_below  := $(filter-out %/kernel_libcxl.o,$(OBJ_below))
endif
OBJ_support := $(call objects_of,tests/support/*.c)
OBJ_fake   := $(call objects_of,tests/fake/*.c tests/support/data_model.c tests/support/memory_stream.c \
             tests/support/segments_check.c)

UNIT_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/check_*.c))
# With parts of the transports.
$(B)/tests/unit/check_idle_sched: $(patsubst %,$(B)/src/fuse/transport/%.o,idle_sched cpus)
$(B)/tests/unit/check_transport: $(patsubst %,$(B)/src/fuse/transport/%.o,thread_pool slot slot_region account)
$(B)/tests/unit/check_account: $(B)/src/fuse/transport/account.o
$(B)/tests/unit/check_ring_entry: $(B)/src/fuse/transport/ring_entry.o
$(B)/tests/unit/check_blocking: $(B)/src/fuse/blocking.o
# With a fake of libfuse and of the rest of fuse.
$(B)/tests/unit/check_request: $(patsubst %,$(B)/src/fuse/%.o,request io io_pool reply)
# With libfuse and its own operations.
$(patsubst %,$(B)/tests/unit/check_%,pending recovered): $(OBJ_fuse)
$(patsubst %,$(B)/tests/unit/check_%,pending recovered): private LIB_LIBS += $(FUSE_LIBS)
$(B)/tests/unit/check_replica_record: $(B)/tests/support/tree_copy.o
# With all of fuse, over the fake of the adapter; lets a writer of the journal stop.
COMMIT_TESTS := $(patsubst %,$(B)/tests/unit/check_%,commit commit_threads)
$(COMMIT_TESTS): $(OBJ_fuse) $(B)/tests/support/tree_copy.o $(B)/tests/unit/commit_world.o
$(COMMIT_TESTS): private LIB_LIBS += $(FUSE_LIBS)
$(COMMIT_TESTS): private override LDFLAGS += \
	-Wl,--wrap=journal_begin,--wrap=journal_commit,--wrap=thread_blocks_add \
	-Wl,--wrap=clock_gettime,--wrap=getrandom
# With the daemon, except its main().
DAEMON_TESTS := $(patsubst %,$(B)/tests/unit/check_%,options sandbox)
$(DAEMON_TESTS): $(filter-out %/main.o,$(OBJ_daemon)) $(B)/libcxlfs-fuse.a
$(DAEMON_TESTS): private LIB_LIBS += $(FUSE_LIBS) $(DAEMON_LIBS)
# override: LDFLAGS may be given on the command line.
# Detects the moment when a lock is released.
$(B)/tests/unit/check_superpipe_recover: private override LDFLAGS += -Wl,--wrap=pthread_mutex_unlock
# Lets allocations fail.
$(B)/tests/unit/check_emul_repair: private override LDFLAGS += -Wl,--wrap=realloc
# Linked with a fake of the layer below.
FAKED_TESTS := $(filter-out %_emul,$(filter $(addprefix $(B)/tests/unit/check_,data% replica% commit%),$(UNIT_TESTS)))
# Built with the fake libcxl, whether the real one was found or not.
OBJ_libcxl := $(patsubst %,$(B)/tests/fake/libcxl/%.o,kernel kernel_libcxl fake_libcxl)
# Built with libFuzzer in the variant fuzz; elsewhere they run their corpus.
FUZZERS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
OBJ_fuzz := $(call objects_of,tests/fuzz/*.c)
OBJ_conformance := $(call objects_of,tests/conformance/*.c tests/support/dk.c tests/support/quiet_fork.c)
CONFORMANCE := $(B)/tests/conformance/conformance
HELPERS    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/mount/helpers/*.c))
OBJ_load   := $(call objects_of,tests/bench/support/*.c)
LOADS      := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/*.c))
PROGRAMS   := $(if $(OBJ_daemon),$(B)/cxlfs) $(if $(OBJ_adm),$(B)/cxlfsadm)

# Private: otherwise the prerequisites would inherit these flags.
$(OBJ_control) $(OBJ_fuse): private EXTRA_CFLAGS = $(FUSE_CFLAGS)
$(OBJ_daemon): private EXTRA_CFLAGS = $(FUSE_CFLAGS) $(DAEMON_CFLAGS)
$(B)/src/devport/%.o: private EXTRA_CFLAGS = $(LIBCXL_CFLAGS)
$(OBJ_libcxl): private EXTRA_CFLAGS = -Itests/fake/libcxl -DHAVE_LIBCXL
$(OBJ_conformance): private EXTRA_CFLAGS = -Itests
$(OBJ_support) $(OBJ_fake) $(UNIT_TESTS:%=%.o): private EXTRA_CFLAGS = -Itests -include support/quick_check.h $(CHECK_CFLAGS)
$(B)/tests/unit/commit_world.o \
	$(patsubst %,$(B)/tests/unit/check_%.o,transport pending recovered ring_entry blocking request commit commit_threads options sandbox): \
	private EXTRA_CFLAGS = -Itests -include support/quick_check.h $(CHECK_CFLAGS) $(FUSE_CFLAGS)

$(OBJ_fuzz): private EXTRA_CFLAGS = -Itests $(FUSE_CFLAGS)

programs: $(PROGRAMS)
unit-tests: $(UNIT_TESTS) $(FUZZERS) $(CONFORMANCE)
INJECT := $(B)/tests/failures/inject.so

helpers: $(HELPERS) $(LOADS) $(INJECT)
everything: programs unit-tests helpers

$(B)/cxlfs: $(OBJ_daemon) $(B)/libcxlfs-control.a $(B)/libcxlfs-fuse.a $(B)/libcxlfs.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(FUSE_LIBS) $(LIB_LIBS) $(DAEMON_LIBS)

$(B)/cxlfsadm: $(B)/src/adm/main.o $(B)/libcxlfs-adm.a $(B)/libcxlfs-control.a $(B)/libcxlfs.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

# These objects come first, so that the linker prefers them to those of the archive.
$(B)/tests/unit/check_libcxl: $(OBJ_libcxl)
$(filter-out $(FAKED_TESTS),$(UNIT_TESTS)): %: %.o $(OBJ_support) $(B)/libcxlfs-adm.a $(B)/libcxlfs-control.a $(B)/libcxlfs.a
$(FAKED_TESTS): %: %.o $(OBJ_fake) $(B)/libcxlfs.a
$(B)/tests/unit/check_fork_with_pid: private LIB_LIBS += $(DAEMON_LIBS)
$(UNIT_TESTS):
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(CHECK_LIBS) $(LIB_LIBS)

# As check_options, and as check_data.
$(B)/tests/fuzz/fuzz_options: $(filter-out %/main.o,$(OBJ_daemon)) $(B)/libcxlfs-control.a $(B)/libcxlfs-fuse.a
$(B)/tests/fuzz/fuzz_control: $(B)/libcxlfs-control.a
$(B)/tests/fuzz/fuzz_snapshot: $(B)/tests/fuzz/records.o
$(B)/tests/fuzz/fuzz_contents: $(B)/tests/fuzz/records.o $(B)/tests/fuzz/flash.o $(B)/tests/fake/fake_superpipe.o
$(B)/tests/fuzz/fuzz_state: $(B)/tests/support/dk.o
$(B)/tests/fuzz/fuzz_requests: $(patsubst %,$(B)/tests/fuzz/%.o,kernel flash standby) $(B)/tests/fake/fake_superpipe.o \
	$(filter-out %/blocking.o,$(OBJ_fuse))
$(FUZZERS): %: %.o $(if $(filter fuzz,$(VARIANT)),,$(B)/tests/fuzz/replay.o) $(B)/libcxlfs.a
	$(call say,LINK,$@)
	$(Q)$(LINK) $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer) -o $@ $(filter %.o,$^) \
		$(filter %-control.a,$^) $(filter %-fuse.a,$^) $(filter %/libcxlfs.a,$^) $(FUSE_LIBS) $(LIB_LIBS) $(DAEMON_LIBS)

$(CONFORMANCE): $(OBJ_conformance) $(B)/libcxlfs.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

$(HELPERS): %: %.o
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

$(INJECT): tests/failures/inject.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(BASE_CPPFLAGS) $(filter-out -fsanitize%,$(BASE_CFLAGS)) -shared -fPIC -o $@ $< -ldl

$(B)/tests/bench/counting: $(B)/src/fuse/transport/account.o
# The archive is for commands, which needs no mount.
$(LOADS): %: %.o $(OBJ_load) $(B)/libcxlfs.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIB_LIBS)

$(B)/libcxlfs.a: $(OBJ_below)
$(B)/libcxlfs-fuse.a: $(OBJ_fuse)
$(B)/libcxlfs-control.a: $(OBJ_control)
$(B)/libcxlfs-adm.a: $(filter-out %/main.o,$(OBJ_adm))
# Append, not replace: files of different layers may share a name.
%.a: $(B)/flags
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(filter %.o,$^)

$(B)/tests/fake/libcxl/%.o: src/devport/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,"$< (with the fake libcxl)")
	$(Q)$(COMPILE) -c -o $@ $<

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -c -o $@ $<

# Rebuild if flags change or a file is removed.
flags_now = $(COMPILE) | $(FUSE_CFLAGS) $(FUSE_LIBS) $(LDFLAGS) | $(OBJ_below) $(OBJ_fuse) $(OBJ_control) $(OBJ_adm)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(flags_now)) | cmp -s - $@ || \
		printf '%s\n' $(call quote,$(flags_now)) >$@
quote = '$(subst ','\'',$(1))'

.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- dependencies -----------------------------------------------------------

deps: build/deps/test $(CONFIG) ## install the packages for building and testing

build/deps/%: contrib/build/packages contrib/build/deps.sh
	@mkdir -p $(@D)
	@contrib/build/deps.sh $*
	@touch $@

$(CONFIG): contrib/build/config.sh contrib/build/libfuse.sh contrib/build/libcxl.sh \
	contrib/build/custom_io.c
$(CONFIG): build/deps/build $(CONFIG).flags
	@contrib/build/config.sh $(LIBFUSE) $(LIBCXL) $@

# The search paths for libcxl.
$(CONFIG).flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(CPPFLAGS) | $(LDFLAGS)) | cmp -s - $@ || \
		printf '%s\n' $(call quote,$(CPPFLAGS) | $(LDFLAGS)) >$@

CHECK_CFLAGS = $(shell $(PKG_CONFIG) --cflags check)
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check)
$(OBJ_support) $(OBJ_fake) $(UNIT_TESTS:%=%.o): | build/deps/test

# ---- use --------------------------------------------------------------------

mount: programs ## build, mount an emulated volume on /mnt/cxlfs and use it
	@BUILD=$(B) contrib/demo.sh mount

umount: ## undo `make mount`
	@contrib/demo.sh umount

# ---- tests ------------------------------------------------------------------

run_tests = BUILD=$(B) tests/lib/run.sh

check: build/deps/test ## all tests: units, sanitizers, real mounts, documents (about 12 minutes)
	@$(MAKE) --no-print-directory VARIANT=release everything
	@$(MAKE) --no-print-directory VARIANT=asan everything
	@tests/lib/check.sh $(call dir_of,release) $(call dir_of,asan)

check-unit: unit-tests ## the unit suites and the inputs of the fuzzers
	@$(run_tests) unit $(UNIT_TESTS) $(FUZZERS)

check-mount: everything build/deps/test ## real programs on real mounts
	@$(run_tests) mount $(wildcard tests/mount/*.sh)

check-asan: ## units and mounts under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory VARIANT=asan check-unit
	@$(MAKE) --no-print-directory VARIANT=asan check-mount

outside = $(if $(ONLY),$(ONLY:%=tests/outside/%.sh),$(wildcard tests/outside/*.sh))

# Each suite has its own duration, unless SECONDS is set.
check-outside: SECONDS :=
check-outside: everything build/deps/test build/deps/outside ## test suites of other projects on real mounts, 40 minutes
	@BUILD=$(B) CXLFS_SECONDS=$(SECONDS) tests/lib/run.sh outside $(outside)

check-tsan: ## the unit suites under ThreadSanitizer
	@$(MAKE) --no-print-directory VARIANT=tsan unit-tests
	@CK_FORK=no BUILD=$(call dir_of,tsan) WRAPPER="setarch -R" tests/lib/run.sh unit \
		$(patsubst tests/%.c,$(call dir_of,tsan)/tests/%,$(wildcard tests/unit/check_*.c))

check-valgrind: build/deps/valgrind ## the unit suites under valgrind
	@$(MAKE) --no-print-directory VARIANT=debug unit-tests
	@CK_FORK=no BUILD=$(call dir_of,debug) WRAPPER="tests/lib/valgrind.sh" tests/lib/run.sh unit \
		$(patsubst tests/%.c,$(call dir_of,debug)/tests/%,$(wildcard tests/unit/check_*.c))

check-clang: build/deps/clang ## compile everything with clang, and clang-tidy; warnings are errors
	@$(MAKE) --no-print-directory VARIANT=clang everything
	@tests/lib/tidy.sh

check-metrics: everything build/deps/metrics ## what cxlfsadm tells Prometheus, checked by its promtool
	@BUILD=$(B) CXLFS_PROMTOOL=required tests/lib/run.sh metrics tests/mount/metrics.sh

stress: everything build/deps/test ## stress-ng and fio on a mount for SECONDS (3600)
	@BUILD=$(B) CXLFS_SECONDS=$(SECONDS) tests/lib/run.sh stress tests/mount/stress-ng.sh

fuzz: build/deps/clang ## each fuzzer for SECONDS (3600); ONLY="spec state" selects some
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	@BUILD=$(call dir_of,fuzz) tests/fuzz/run.sh $(SECONDS) $(ONLY)

fuzzers: $(FUZZERS)

check-million: everything ## a million files of 1 to 16 KiB on a LUN of 64 GiB with 256 handles; 10 GB of disk
	@BUILD=$(B) bash tests/long/million-files.sh

check-usr: everything ## cp -a /usr, diff -r; as much disk as /usr
	@BUILD=$(B) bash tests/long/usr.sh

churn: everything ## files come and go on a volume that is 90 % full, for SECONDS (3600)
	@BUILD=$(B) CXLFS_SECONDS=$(SECONDS) bash tests/mount/aging.sh

soak: everything ## random I/O against a model, without and with random faults, for SECONDS (3600)
	@BUILD=$(B) CXLFS_SECONDS=$(SECONDS) tests/lib/run.sh soak \
		tests/mount/model-random-io.sh tests/mount/faults-under-load.sh

soak-survive: everything build/deps/test ## kill -9, upgrades and resets at random under checked loads, for SECONDS (3600)
	@BUILD=$(B) CXLFS_SECONDS=$(SECONDS) bash tests/long/survive.sh

check-failures: everything build/deps/test ## each system call and allocation of a start fails once, 5 minutes
	@BUILD=$(B) CXLFS_FAILURES=all CXLFS_SECONDS=900 tests/lib/run.sh failures \
		tests/mount/failures.sh

bench: everything build/deps/bench ## compare with ext4, fuse2fs, nbdfuse, passthrough_hp
	@BUILD=$(B) tests/bench/run.sh

bench-scale: everything ## a million files, 4096 of them with data, a LUN of 16 TiB, memory
	@BUILD=$(B) tests/bench/scale.sh

bench-card: everything build/deps/bench ## how much of a card's speed programs get, on a model
	@BUILD=$(B) tests/bench/card.sh

bench-luns: everything build/deps/bench ## how much faster files are on 2 and 4 LUNs than on one, on a model
	@BUILD=$(B) tests/bench/luns.sh

bench-instructions: helpers build/deps/valgrind ## instructions for a command of 4 KiB
	@BUILD=$(B) tests/bench/instructions.sh

lint: build/deps/test programs ## scripts, layers, headers
	@LINT_WHOLE=1 $(run_tests) lint $(wildcard tests/lint/*.sh)

man-lint: ## the manual pages
	@$(run_tests) lint tests/lint/man.sh

include contrib/build/ppc64le.mk
include contrib/build/rig.mk
include contrib/build/package.mk

# ---- install ----------------------------------------------------------------

EXAMPLES := $(wildcard contrib/examples/*)
name_sbindir = sed 's,@SBINDIR@,$(SBINDIR),'

install: programs ## to DESTDIR, PREFIX, SBINDIR, MANDIR, UNITDIR, UDEVDIR, COMPLETIONDIR, DOCDIR
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(UNITDIR) $(DESTDIR)$(UDEVDIR) $(DESTDIR)$(COMPLETIONDIR) \
		$(DESTDIR)$(DOCDIR)/examples
	install -m 755 $(PROGRAMS) $(DESTDIR)$(SBINDIR)
	install -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 man/*.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 README.md LICENSE $(DESTDIR)$(DOCDIR)
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples
	install -m 644 contrib/completion/cxlfs.bash $(DESTDIR)$(COMPLETIONDIR)/cxlfs
	install -m 644 contrib/completion/cxlfsadm.bash $(DESTDIR)$(COMPLETIONDIR)/cxlfsadm
	$(name_sbindir) contrib/systemd/cxlfs@.service.in >$(DESTDIR)$(UNITDIR)/cxlfs@.service
	$(name_sbindir) contrib/udev/60-cxlfs.rules.in >$(DESTDIR)$(UDEVDIR)/60-cxlfs.rules

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/cxlfs $(DESTDIR)$(SBINDIR)/cxlfsadm \
		$(patsubst man/%.5,$(DESTDIR)$(MANDIR)/man5/%.5,$(wildcard man/*.5)) \
		$(patsubst man/%.8,$(DESTDIR)$(MANDIR)/man8/%.8,$(wildcard man/*.8)) \
		$(DESTDIR)$(COMPLETIONDIR)/cxlfs $(DESTDIR)$(COMPLETIONDIR)/cxlfsadm \
		$(DESTDIR)$(UNITDIR)/cxlfs@.service $(DESTDIR)$(UDEVDIR)/60-cxlfs.rules
	rm -rf $(DESTDIR)$(DOCDIR)

clean: ## remove what was compiled, keep libfuse, the rig and the configuration
	rm -rf $(filter-out build/cross build/deps build/libfuse build/rig build/config-%,$(wildcard build/*))

distclean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile contrib/build/*.mk | expand -t 16

.PHONY: all programs unit-tests helpers everything deps mount umount check check-unit \
	check-mount check-asan check-outside check-tsan check-valgrind check-clang check-failures \
	check-metrics fuzz fuzzers stress soak soak-survive churn check-million check-usr bench bench-scale \
	bench-card bench-luns bench-instructions lint man-lint install uninstall clean distclean \
	help FORCE
