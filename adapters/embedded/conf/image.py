"""Glance's configuration."""

from adapters.embedded.conf.ini import database, default, shared, text, token_check
from adapters.embedded.plan import Plan


def files(plan: Plan) -> dict[str, str]:
    """Return glance-api.conf: images are files."""
    home = plan.place.root / "glance"
    sections = {
        "DEFAULT": default(plan, "glance", enabled_backends="file:file", worker_self_reference_url=plan.url("glance")),
        "glance_store": {"default_backend": "file"},
        # A raw image of a volume is mostly zeros.
        "file": {"filesystem_store_datadir": home / "images", "filesystem_thin_provisioning": True},
        "os_glance_staging_store": {"filesystem_store_datadir": home / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": home / "tasks"},
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": plan.place.venv / "etc/glance/glance-api-paste.ini",
        },
        "database": database(plan, "glance"),
        "keystone_authtoken": token_check(plan, "glance"),
        **shared(plan),
    }
    return {"glance/glance-api.conf": text(sections)}
