# The real driver: tests/rig/README.md.

rig: ## build the rig, a kernel with the real driver (4 minutes the first time)
	@tests/rig/build.sh

check-driver: programs helpers $(CONFORMANCE) build/deps/test ## tests on the real driver (TOPIC=...)
	@BUILD=$(B) tests/rig/check-driver.sh $(TOPIC)

# The unit suite of cxlfsadm lun.
$(B)/tests/check_adm_lun: $(call objects_of,src/adm/lun*.c)

.PHONY: rig check-driver
