# The Debian package.

deb: build/deps/deb $(CONFIG) ## build a Debian package in build/deb, and check it with lintian
	@LIBFUSE=$(LIBFUSE) LIBCXL=$(LIBCXL) contrib/build/deb.sh

check-deb: deb ## the package in a minimal Debian, and a second build, 5 minutes
	@$(run_tests) deb tests/package/reproducible.sh tests/package/minimal-debian.sh

check-boot: deb rig ## the package in a guest with systemd and the real driver, 5 minutes
	@$(run_tests) boot tests/boot/fstab.sh tests/boot/service.sh tests/boot/card.sh tests/boot/survive.sh

.PHONY: deb check-deb check-boot
