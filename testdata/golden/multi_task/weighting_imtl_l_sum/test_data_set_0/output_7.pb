Bgrad_scalesJU?
Ä J@‹p+ R@