"""Cinder's configuration."""

from adapters.embedded.conf.ini import database, default, login, shared, text, token_check
from adapters.embedded.plan import Plan

QUOTAS = (
    "quota_volumes", "quota_snapshots", "quota_gigabytes", "quota_backups", "quota_backup_gigabytes", "quota_groups",
)  # fmt: skip


def files(plan: Plan) -> dict[str, str]:
    """Return cinder.conf: one backend of sparse files."""
    shipped = plan.place.venv / "etc/cinder"
    sections = {
        "DEFAULT": default(
            plan,
            "cinder",
            auth_strategy="keystone",
            api_paste_config=shipped / "api-paste.ini",
            resource_query_filters_file=shipped / "resource_filters.json",
            enabled_backends="file",
            glance_api_servers=plan.url("glance"),
            default_volume_type="gp2",
            scheduler_driver_init_wait_time=1,  # the default of a minute is for clouds with many backends
            image_conversion_dir=plan.place.root / "cinder/conversion",
            report_interval=10,
            service_down_time=300,
            **dict.fromkeys(QUOTAS, -1),
        ),
        "file": {
            "volume_driver": "passerelle_cloud.cinder_driver.SparseFiles",
            "volume_backend_name": "file",
            "passerelle_volumes": plan.place.root / "cinder/volumes",
        },
        # Keys of encrypted volumes are Barbican's secrets, made with the token of the volume's user.
        "key_manager": {"backend": "barbican"},
        "barbican": {"auth_endpoint": plan.keystone, "barbican_endpoint": plan.url("barbican")},
        "nova": login(plan, "cinder"),
        "service_user": {"send_service_user_token": True, **login(plan, "cinder")},
        "coordination": {"backend_url": f"file://{plan.place.root}/cinder/coordination"},
        "database": database(plan, "cinder"),
        "keystone_authtoken": token_check(plan, "cinder"),
        **shared(plan),
    }
    return {"cinder/cinder.conf": text(sections)}
