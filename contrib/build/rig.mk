# The real driver: tests/rig/README.md.

rig: ## build the rig, a kernel with the real driver (4 minutes the first time)
	@tests/rig/build.sh

RIG_PROGRAMS := $(B)/tests/rig/takeover $(B)/tests/rig/first_access

check-driver: programs helpers $(CONFORMANCE) $(RIG_PROGRAMS) build/deps/test
check-driver: ## tests on the real driver; TOPIC=... selects one
	@BUILD=$(B) tests/rig/check-driver.sh $(TOPIC)

$(B)/tests/rig/first_access.o: private EXTRA_CFLAGS = -Itests
$(B)/tests/rig/first_access: $(B)/tests/support/dk.o
$(RIG_PROGRAMS): %: %.o $(B)/libcxlfs.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

.PHONY: rig check-driver
