"""Nova's configuration."""

from adapters.embedded.conf.ini import Section, database, default, login, shared, text, token_check
from adapters.embedded.layout import REGION
from adapters.embedded.plan import Plan

QUOTAS = (
    "instances", "cores", "ram", "metadata_items", "injected_files", "key_pairs", "server_groups",
    "server_group_members",
)  # fmt: skip


def compute(plan: Plan) -> Section:
    """Return [DEFAULT]: a fake hypervisor without delays, and few periodic tasks, as all services share a process."""
    return default(
        plan,
        "nova",
        compute_driver="passerelle.Hypervisor",
        instances_path=plan.place.root / "nova/instances",
        allow_resize_to_same_host=True,
        vif_plugging_is_fatal=False,
        vif_plugging_timeout=0,
        resume_guests_state_on_host_boot=True,
        block_device_allocate_retries_interval=1,
        report_interval=10,
        service_down_time=300,
        update_resources_interval=300,
        # The subnet `default` is shown in the first zone, and an instance of no zone is to be in its subnet's.
        **({"default_schedule_zone": plan.zones[0]} if plan.several_zones else {}),
        sync_power_state_interval=-1,
        heal_instance_info_cache_interval=-1,
    )


def files(plan: Plan) -> dict[str, str]:
    """Return nova.conf: API, metadata, conductor, scheduler and compute read the same one."""
    sections = {
        "DEFAULT": compute(plan),
        "api": {"auth_strategy": "keystone"},
        "wsgi": {"api_paste_config": plan.place.venv / "etc/nova/api-paste.ini"},
        "glance": {"region_name": REGION, "num_retries": 1},
        "neutron": {
            "service_metadata_proxy": True,
            "metadata_proxy_shared_secret": plan.passwords["metadata-proxy"],
            "default_floating_pool": "public",
            **login(plan, "nova"),
        },
        "placement": login(plan, "nova"),
        "cinder": {"os_region_name": REGION, "catalog_info": "block-storage::publicURL"},
        "service_user": {"send_service_user_token": True, **login(plan, "nova")},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": -1},
        "conductor": {"workers": 1},
        "quota": dict.fromkeys(QUOTAS, -1),
        "vnc": {"enabled": False},
        "api_database": database(plan, "nova_api"),
        "database": database(plan, "nova_cell1"),
        "keystone_authtoken": token_check(plan, "nova"),
        **shared(plan),
    }
    return {"nova/nova.conf": text(sections)}
