# For POWER: VARIANT=ppc64le compiles with Debian's cross compiler and packages for ppc64el, which it
# unpacks in build/cross.

ifeq ($(VARIANT),ppc64le)
TRIPLET := powerpc64le-linux-gnu
SYSROOT := $(CURDIR)/build/cross/root
export CC := $(TRIPLET)-gcc --sysroot=$(SYSROOT)
export AR := $(TRIPLET)-ar
# The system's paths, so that pkg-config does not print them: the linker would search them before that
# of a private libfuse.
export PKG_CONFIG := env PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig \
	PKG_CONFIG_SYSTEM_LIBRARY_PATH=$(SYSROOT)/usr/lib/$(TRIPLET) \
	PKG_CONFIG_SYSTEM_INCLUDE_PATH=$(SYSROOT)/usr/include pkg-config
export LIBFUSE_DIR := build/cross/libfuse
export MESON_CROSS_FILE := $(CURDIR)/build/cross/meson.ini

$(CONFIG): build/cross/root.key build/cross/meson.ini
build/cross/root.key: contrib/build/packages contrib/build/foreign.sh build/deps/ppc64le
	@mkdir -p $(@D)
	@contrib/build/foreign.sh ppc64el build/cross/root ppc64el
	@touch $@

build/cross/meson.ini: contrib/build/ppc64le.ini.in
	@mkdir -p $(@D)
	@sed 's,@SYSROOT@,$(SYSROOT),' $< >$@
endif

check-ppc64le: build/deps/ppc64le ## compile everything for POWER, and the unit suites under qemu-user, 3 minutes
	@$(MAKE) --no-print-directory VARIANT=ppc64le WERROR=1 everything
	@tests/ppc64le/units.sh $(call dir_of,ppc64le)

check-ppc64le-guest: build/deps/ppc64le-guest ## units and mounts on a kernel for POWER under qemu-system, 1 hour
	@$(MAKE) --no-print-directory VARIANT=ppc64le WERROR=1 everything
	@KERNEL=testing tests/ppc64le/guest.sh $(call dir_of,ppc64le) tests/ppc64le/all.sh $(ONLY)

.PHONY: check-ppc64le check-ppc64le-guest
