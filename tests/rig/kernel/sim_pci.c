// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI function, parameters and start-up.
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <os.h>

#include "sim.h"

struct sim_adapter sim;

struct sim_params sim_params = {
	.lun_ports = { [0 ... MAX_SIM_LUNS - 1] = 3 },
	.nports = 2,
	.max_ctx = MAX_CONTEXT,
	.ws_unmap = true,
	.poll_us = 20,
	.idle_poll_us = 1000,
	.vlun_max_blocks = 1,
	.eeh_delay_ms = 200,
};

module_param_array_named(store, sim_params.store, charp, &sim_params.nstore, 0444);
MODULE_PARM_DESC(store, "host path of the backing file of each LUN");
module_param_array_named(lun_ports, sim_params.lun_ports, int, NULL, 0444);
MODULE_PARM_DESC(lun_ports, "mask of FC ports that see each LUN");
module_param_named(nports, sim_params.nports, int, 0444);
MODULE_PARM_DESC(nports, "number of FC ports, 1 to 4");
module_param_named(max_ctx, sim_params.max_ctx, int, 0644);
MODULE_PARM_DESC(max_ctx, "number of process elements, master included");
module_param_named(pp_irqs, sim_params.pp_irqs, int, 0644);
MODULE_PARM_DESC(pp_irqs, "least num_interrupts an ATTACH may ask for");
module_param_named(ws_unmap, sim_params.ws_unmap, bool, 0444);
MODULE_PARM_DESC(ws_unmap, "advertise SISL_CTX_CTRL_UNMAP_SECTOR");
module_param_named(poll_us, sim_params.poll_us, int, 0644);
MODULE_PARM_DESC(poll_us, "doorbell poll interval while commands flow");
module_param_named(idle_poll_us, sim_params.idle_poll_us, int, 0644);
MODULE_PARM_DESC(idle_poll_us, "doorbell poll interval after 100 ms without a command");
module_param_named(io_delay_us, sim_params.io_delay_us, int, 0644);
MODULE_PARM_DESC(io_delay_us, "delay before a batch of user commands is executed");
module_param_named(reorder, sim_params.reorder, bool, 0644);
MODULE_PARM_DESC(reorder, "complete user commands of a batch in reverse order");
module_param_named(vlun_max_blocks, sim_params.vlun_max_blocks, int, 0644);
MODULE_PARM_DESC(vlun_max_blocks, "largest virtual LUN transfer (0: up to the chunk's end)");
module_param_named(eeh_delay_ms, sim_params.eeh_delay_ms, int, 0644);
MODULE_PARM_DESC(eeh_delay_ms, "from the detection of a frozen device to its handling");
module_param_named(trace, sim_params.trace, bool, 0644);
MODULE_PARM_DESC(trace, "log every command");

int sim_pci_enable_device(struct pci_dev *pdev)
{
	atomic_inc(&pdev->enable_cnt);
	return 0;
}

void sim_pci_disable_device(struct pci_dev *pdev)
{
	atomic_dec(&pdev->enable_cnt);
}

int sim_pci_is_enabled(struct pci_dev *pdev)
{
	return atomic_read(&pdev->enable_cnt) > 0;
}

int sim_pci_vpd_find(const void *buf, unsigned int len, const char *kw, unsigned int *size)
{
	return -ENOENT; /* ports come up with their WWPN programmed */
}

static void sim_dev_release(struct device *dev)
{
}

static int open_luns(void)
{
	int i;

	for (i = 0; i < sim_params.nstore; i++) {
		struct sim_lun *lun = &sim.lun[i];
		unsigned long long size;

		lun->fd = os_open_file(sim_params.store[i], of_cloexec(of_rdwr(OPENFLAGS())), 0);
		if (lun->fd < 0 || os_file_size(sim_params.store[i], &size) < 0 || size < BLK) {
			pr_err("cannot use backing store %s (%d)\n", sim_params.store[i], lun->fd);
			return -EIO;
		}
		lun->nblocks = size / BLK;
		pr_info("LUN %d: %s, %llu blocks of %u, ports %x\n", i, sim_params.store[i],
			lun->nblocks, BLK, sim_params.lun_ports[i]);
	}
	sim.nluns = sim_params.nstore;
	return 0;
}

int sim_pci_register_driver(struct pci_driver *drv)
{
	const struct pci_device_id *id;
	int rc;

	BUILD_BUG_ON(sizeof(struct sisl_ioarcb) != 64 || sizeof(struct sisl_ioasa) != 64);
	BUILD_BUG_ON(sizeof(struct cxlflash_afu_map) != HOSTS_SZ + CTRLS_SZ + SIZE_64K);

	sim_params.nports = clamp(sim_params.nports, 1, MAX_FC_PORTS);
	mutex_init(&sim.lock);
	idr_init(&sim.idr);
	sim_eeh_init();
	rc = open_luns();
	if (rc)
		return rc;
	sim.wq = alloc_ordered_workqueue("cxlsim_eeh", 0);
	sim.bounce = (u8 *)__get_free_pages(GFP_KERNEL, BOUNCE_ORDER);
	sim.pdev = kzalloc(sizeof(*sim.pdev), GFP_KERNEL);
	if (!sim.wq || !sim.bounce || !sim.pdev)
		return -ENOMEM;
	sim.drv = drv;
	sim_afu_regs_reset();
	sim.master = sim_ctx_new(NULL, NULL);
	if (IS_ERR(sim.master))
		return PTR_ERR(sim.master);

	for (id = drv->id_table; id->vendor; id++)
		if (id->device == PCI_DEVICE_ID_IBM_FLASH_GT)
			break;
	sim.pdev->vendor = id->vendor;
	sim.pdev->device = id->device;
	sim.pdev->error_state = pci_channel_io_normal;
	sim.pdev->dev.release = sim_dev_release;
	drv->driver.name = drv->name;
	device_initialize(&sim.pdev->dev);
	dev_set_name(&sim.pdev->dev, "0006:00:00.0");
	rc = device_add(&sim.pdev->dev);
	if (rc)
		return rc;

	sim.thread = kthread_run(sim_thread_fn, NULL, "cxlsim_afu");
	if (IS_ERR(sim.thread))
		return PTR_ERR(sim.thread);

	return drv->probe(sim.pdev, id);
}

void sim_pci_unregister_driver(struct pci_driver *drv)
{
	drv->remove(sim.pdev);
}
