"""Swift's configuration: a proxy, and the account, container and object servers behind it."""

from adapters.embedded.conf.ini import Section, login, text
from adapters.embedded.layout import HOST
from adapters.embedded.plan import Plan

KINDS = ("account", "container", "object")
COLD = "cold"  # a second storage policy, which storage classes can be mapped to; it is no slower here

# s3api must stand after authtoken: authtoken strips the identity headers which s3token sets.
PIPELINE = (
    "catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk tempurl authtoken s3api s3token "
    "keystoneauth copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-logging proxy-server"
)

# Filters that need no settings, by the name of their entry point.
STOCK = {
    name: name.replace("-", "_")
    for name in (
        "catch_errors", "gatekeeper", "healthcheck", "proxy-logging", "listing_formats", "bulk", "tempurl", "copy",
        "container-quotas", "account-quotas", "dlo", "symlink",
    )
}  # fmt: skip

# Seconds that a Swift server waits for another. By default an object server tells the container of a new object within
# 1 s (`container_update_timeout`), connects within 0.5 s and waits 3 s for the answer; after that the PUT succeeds, and
# listings lack the object until the updater's next round. All these servers share two processes and one disk here, so a
# slow answer does not mean a broken node, and there is no other node. Below the gateway's 60 s.
PATIENCE = {"conn_timeout": 30, "node_timeout": 30, "container_update_timeout": 30}

CACHE = {"paste.filter_factory": "passerelle_cloud.swift.parts:cache_filter"}  # the stock one needs memcached
PROXY_APP = {
    "use": "egg:swift#proxy",
    "allow_account_management": True,
    "account_autocreate": True,
    "error_suppression_interval": 0,  # with one replica, a node that the proxy avoids is an outage
}


def process(plan: Plan, name: str, port: str, level: str) -> Section:
    """Return a Swift server's [DEFAULT] with logs to stderr: Swift itself logs only to syslog, which may be missing."""
    return {
        "swift_dir": plan.place.etc / "swift",
        "bind_ip": HOST,
        "bind_port": plan.ports[port],
        "workers": 0,
        "log_name": name,
        "log_level": level,
        "log_custom_handlers": "passerelle_cloud.swift.parts.log_to_stderr",
        **PATIENCE,
    }


def cluster(plan: Plan) -> dict[str, str]:
    """Return swift.conf."""
    return {
        "swift/swift.conf": text({
            "swift-hash": {"swift_hash_path_suffix": plan.passwords["swift-hash-suffix"]},
            "storage-policy:0": {"name": "standard", "default": True},
            "storage-policy:1": {"name": COLD},
        })
    }  # fmt: skip


def storage_files(plan: Plan) -> dict[str, str]:
    """Return the three storage servers' files."""
    return cluster(plan) | {f"swift/{kind}-server.conf": storage(plan, kind) for kind in KINDS}


def storage(plan: Plan, kind: str) -> str:
    """Return one storage server's file, with the sections that its background daemons require."""
    return text({
        "DEFAULT": {
            **process(plan, f"swift-{kind}", f"swift-{kind}", "WARNING"),
            "devices": plan.swift_devices,
            "mount_check": False,
            "disable_fallocate": True,
            "recon_cache_path": plan.place.run / "recon",
            "interval": 5,
        },
        "pipeline:main": {"pipeline": f"healthcheck {kind}-server"},
        f"app:{kind}-server": {"use": f"egg:swift#{kind}"},
        "filter:healthcheck": {"use": "egg:swift#healthcheck"},
        f"{kind}-replicator": {},
        f"{kind}-updater": {},
        f"{kind}-auditor": {},
    })  # fmt: skip


def proxy_files(plan: Plan) -> dict[str, str]:
    """Return the proxy's file, and that of its internal client for symlinks and versions."""
    internal: dict[str, Section] = {
        "DEFAULT": {"swift_dir": plan.place.etc / "swift"},
        "pipeline:main": {"pipeline": "catch_errors cache symlink proxy-server"},
        "app:proxy-server": PROXY_APP,
        "filter:cache": CACHE,
        "filter:catch_errors": {"use": "egg:swift#catch_errors"},
        "filter:symlink": {"use": "egg:swift#symlink"},
    }
    proxy: dict[str, Section] = {
        "DEFAULT": process(plan, "swift-proxy", "swift", "INFO"),
        "pipeline:main": {"pipeline": PIPELINE},
        "app:proxy-server": PROXY_APP,
        "filter:cache": CACHE,
        **{f"filter:{name}": {"use": f"egg:swift#{egg}"} for name, egg in STOCK.items()},
        **identity_filters(plan),
        **object_filters(),
    }
    return cluster(plan) | {"swift/proxy-server.conf": text(proxy), "swift/internal-client.conf": text(internal)}


def identity_filters(plan: Plan) -> dict[str, Section]:
    """Return the filters that authenticate requests with Keystone."""
    user = login(plan, "swift")
    return {
        "filter:authtoken": {
            "paste.filter_factory": "keystonemiddleware.auth_token:filter_factory",
            "www_authenticate_uri": plan.keystone,
            "delay_auth_decision": True,
            "cache": "swift.cache",
            "include_service_catalog": False,
            "service_token_roles": "service",
            "service_token_roles_required": True,
            **user,
        },
        "filter:s3token": {
            "use": "egg:swift#s3token",
            "auth_uri": plan.keystone,
            "delay_auth_decision": True,
            "secret_cache_duration": 60,
            **user,
        },
        "filter:keystoneauth": {
            "use": "egg:swift#keystoneauth",
            "operator_roles": "admin, member, swiftoperator",
            "reseller_admin_role": "ResellerAdmin",
            "project_reader_roles": "reader",
        },
    }


def object_filters() -> dict[str, Section]:
    """Return the filters of large and versioned objects, with limits that allow AWS-sized multipart uploads."""
    return {
        # Swift's own S3 API, for comparison; the gateway does not use it.
        "filter:s3api": {
            "use": "egg:swift#s3api",
            "location": "us-east-1",
            "s3_acl": False,
            "max_upload_part_num": 10000,
            "cors_preflight_allow_origin": "*",
        },
        # 10,000 segments of the longest names (1,024 bytes, up to three times that when quoted) fit in 64 MiB.
        "filter:slo": {"use": "egg:swift#slo", "max_manifest_segments": 10000, "max_manifest_size": 64 << 20},
        "filter:versioned_writes": {
            "use": "egg:swift#versioned_writes",
            "allow_versioned_writes": True,
            "allow_object_versioning": True,
        },
    }
