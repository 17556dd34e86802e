"""Settings: all options of the gateway, read once at start and passed down.

Each field is documented here and nowhere else; `docs/configuration.md` is generated from this file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The gateway's configuration; every field can be set as `PASSERELLE_<FIELD>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_", frozen=True, extra="forbid")

    # The cloud
    cloud: str = Field("passerelle", description="Name in clouds.yaml of the gateway's own service user.")
    interface: Literal["", "public", "internal", "admin"] = Field(
        "", description="Which endpoints of the catalog the gateway talks to; empty: as clouds.yaml says, or public."
    )
    region: str = Field("", description="Region of the cloud; empty takes the one clouds.yaml names.")
    region_names: tuple[str, ...] = Field(
        (),
        description="The only region names that clients may sign for, beside the cloud's own; empty: any name, except "
        "those of other regions of the same Keystone catalogue.",
    )
    zones: tuple[str, ...] = Field(
        ("nova",),
        description="Nova's availability zones in the order in which clients see them as `<region>a`, `<region>b` "
        "and so on; others are shown by Nova's own names, which clients may always give. Append new ones, so that no "
        "letter moves.",
    )
    account_ids: dict[str, str] = Field(
        default_factory=dict, description="Account id (12 digits) for a project id, where the computed one must differ."
    )

    # The listener
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8788, ge=0, le=65535, description="Port of the AWS endpoint; 0 takes a free one.")
    workers: int = Field(
        1, ge=1, le=256, description="How many processes serve; one more supervises them and has the metrics listener."
    )
    reuse_port: bool = Field(False, description="Let several gateway processes share one port (SO_REUSEPORT).")
    tls_certificate: Path | None = Field(None, description="PEM file with the certificate chain; turns on TLS.")
    tls_key: Path | None = Field(None, description="PEM file with the certificate's private key.")
    s3_hosts: tuple[str, ...] = Field(
        ("localhost", "s3.localhost"),
        description="Host names below which a first label names a bucket (`<bucket>.<host>`, virtual-host style).",
    )
    s3_website_hosts: tuple[str, ...] = Field(
        (),
        description="Host names below which a first label names a bucket that is served as a website "
        "(`<bucket>.<host>`); empty: no websites.",
    )
    s3_archive_classes: tuple[Literal["GLACIER", "DEEP_ARCHIVE"], ...] = Field(
        (),
        description="Archival storage classes that S3 takes as labels of objects that stay readable at once; "
        "the others are refused.",
    )
    s3_storage_classes: dict[
        Literal[
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER_IR",
            "GLACIER",
            "DEEP_ARCHIVE",
        ],
        str,
    ] = Field(
        default_factory=dict,
        description="Swift's storage policy behind a storage class: "
        '`{"STANDARD_IA": "cold"}`. The bytes of new objects of that class '
        "lie under that policy; an archival class that is named here is accepted. The bytes of other "
        "classes lie under the policy of the bucket.",
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        (),
        description="Addresses or networks of proxies whose `X-Forwarded-Proto` and `X-Forwarded-For` are believed.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of the metrics listener.")
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Port of the metrics listener; unset: none; 0: a free one."
    )
    drain_seconds: float = Field(
        10.0,
        ge=0,
        description="After SIGTERM, seconds that `/healthcheck` answers 503 while requests are still served.",
    )
    shutdown_seconds: int = Field(30, ge=0, description="Seconds after draining that open requests may take to end.")
    disable_file: Path | None = Field(
        None, description="While this file exists, `/healthcheck` answers 503 `DISABLED BY FILE`."
    )

    # Identity
    clock_skew_seconds: int = Field(900, ge=1, description="How far a signature's time may lie from ours.")
    credential_ttl_seconds: float = Field(
        60.0, ge=0, description="How long an access key's secret is trusted; a revoked key works at most this long."
    )
    token_ttl_seconds: float = Field(
        300.0,
        ge=0,
        description="How long a caller's Keystone token is used; a disabled user's key works at most this long.",
    )
    credential_miss_ttl_seconds: float = Field(5.0, ge=0, description="How long an unknown access key is remembered.")
    unknown_keys_per_second: float = Field(
        20.0,
        gt=0,
        description="How many unknown access keys a second Keystone is asked for, by all workers together and half of "
        "it for one client address; above that, new keys get 503.",
    )
    unknown_names_per_second: float = Field(
        20.0,
        gt=0,
        description="How many bucket names that nobody has are looked up a second for requests without a signature, by "
        "all workers together and half of it for one client address; above that, they get 503 for a name that was not "
        "found before.",
    )
    credential_cache_size: int = Field(
        10_000,
        ge=1,
        description="How many access keys each worker keeps in memory; not shared out, as every worker meets all keys.",
    )

    session_key: SecretStr = Field(
        SecretStr(""),
        description="Key that seals session tokens of STS, the same for all replicas; another key ends all sessions; "
        "empty: made from the service user's login.",
    )
    assume_role: bool = Field(
        True,
        description="Whether AssumeRole lets the holder of an access key act in the other projects in which its user "
        "has an access key.",
    )

    # S3
    bucket_names: Literal["cloud", "project"] = Field(
        "cloud",
        description="Whether a bucket's name is unique in the whole cloud, as on AWS, or in its project only: then no "
        "other project can reach the bucket. Without the service identity names are unique in their project.",
    )
    block_public_access: bool = Field(
        True,
        description="Whether the four switches of the public access block are on for buckets that have set none, as "
        "for new buckets on AWS.",
    )

    object_ownership: Literal["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"] = Field(
        "BucketOwnerEnforced",
        description="Object ownership of buckets that have set none; `BucketOwnerEnforced` means no ACLs, as for new "
        "buckets on AWS, `ObjectWriter` means ACLs, as on AWS before April 2023.",
    )

    # Limits
    max_connections: int = Field(
        4000, ge=1, description="How many connections there may be at once; one more is answered 503 and ended."
    )
    max_connections_per_address: int = Field(
        1000,
        ge=1,
        description="How many of them one client address may have; of a trusted proxy's clients, requests at once.",
    )
    unsigned_body_bytes: int = Field(
        128 << 20,
        ge=1,
        description="How much memory bodies may take together before their signatures are verified; then 503.",
    )
    query_body_bytes: int = Field(1 << 20, ge=1, description="Largest body of an EC2 or STS request.")
    body_idle_seconds: float = Field(
        45.0,
        gt=0,
        description="Longest silence of a client whose body is not whole yet, and longest wait for a request's line "
        "and headers; below Swift's `client_timeout` (60).",
    )
    xml_body_bytes: int = Field(4 << 20, ge=1, description="Largest XML body of an S3 request.")
    sse_key_file: Path | None = Field(
        None,
        description="File of the keys for SSE-S3, made by `passerelle keys add` and the same for all replicas; unset, "
        "and no `sse_key_secret`: SSE-S3 is refused.",
    )
    sse_key_secret: str = Field(
        "",
        max_length=255,
        description="Name of the keys for SSE-S3 in Barbican, in the gateway's own project, made by `passerelle keys "
        "add-secret`; the file's keys then only read what they encrypted.",
    )
    sse_c_over_http: Literal["never", "loopback", "always"] = Field(
        "loopback",
        description="Whose SSE-C keys are accepted over plain HTTP: nobody's, those of clients on this machine, or "
        "everybody's. Behind a proxy that ends TLS, name it in `trusted_proxies`.",
    )
    answer_silence_seconds: float = Field(
        10.0,
        gt=0,
        description="After so long a completion or a copy answers 200, then white space as often until the outcome "
        "follows, as S3 does; below the read timeouts of clients and load balancers.",
    )
    upstream_timeout_seconds: float = Field(60.0, gt=0, description="Longest wait for one OpenStack control answer.")
    account_calls: int = Field(
        16,
        ge=1,
        description="How many calls of one account are under way at one OpenStack service at a time, from all workers "
        "together, but at least one from each; further ones wait their turn, and other accounts' calls pass by. "
        "Keystone and the bytes of objects are not counted.",
    )
    upstream_connect_seconds: float = Field(
        5.0, gt=0, description="Longest wait for a connection to an OpenStack service."
    )
    object_idle_seconds: float = Field(60.0, gt=0, description="Longest silence of Swift while an object's bytes flow.")

    # Lifecycle rules
    lifecycle_day_seconds: float = Field(
        86_400.0,
        gt=0,
        description="How long a day of lifecycle rules is; any other length is for tests, and is not rounded to "
        "midnight.",
    )
    sweep_interval_seconds: float = Field(
        3600.0, gt=0, description="How long `passerelle sweep` rests between two sweeps of the buckets with rules."
    )
    sweep_actions_per_second: float = Field(
        50.0, gt=0, description="How many deletions and aborts a second the sweeper begins."
    )

    # EC2
    default_network: str = Field(
        "default", description="Name of the project's network that instances join when a request names no subnet."
    )
    external_network: str = Field(
        "",
        description="Name or id of the external network that Elastic IP addresses come from; empty: the only one that "
        "the project sees.",
    )
    ec2_ipv6_pool: str = Field(
        "",
        description="Name or id of the subnet pool that VPCs get IPv6 blocks (/56) from; empty: requests for them are "
        "refused.",
    )
    ec2_dhcp_server: Literal["any", "dnsmasq", "ovn"] = Field(
        "any",
        description="What Neutron's DHCP is made of: its agent (`dnsmasq`), which gives instances every option, `ovn`, "
        "which gives domain names and NTP servers, or not told (`any`): domain names and a single NTP server.",
    )
    cache_bytes: int = Field(
        64 << 20,
        ge=0,
        description="Memory for listings whose pages are read and for terminated instances, of all workers together; "
        "for one account an eighth of a worker's share, or 8 MiB where that is more, but at most half.",
    )
    ec2_throttling: bool = Field(
        False,
        description="Whether each account's EC2 requests are limited by token buckets of the sizes that AWS documents, "
        "in each process; above that the answer is `RequestLimitExceeded`.",
    )
    ec2_encrypted_volume_types: dict[str, str] = Field(
        default_factory=dict,
        description="Cinder's volume type that encrypts, for each type of which clients may ask encrypted volumes: "
        '`{"gp3": "gp3-encrypted"}`; empty: encryption on request is refused, and the '
        "default encryption that projects have switched on ends.",
    )
    root_devices: Literal["flavor", "volume"] = Field(
        "flavor",
        description="What an instance starts from whose launch maps no root device: the flavor's own disk, as Nova "
        "does by default, or a volume of that size, as on AWS.",
    )
    instance_profiles: Literal["refused", "echoed"] = Field(
        "refused",
        description="Whether IAM instance profiles of instances are refused, or kept and shown without effect: "
        "instances get no credentials by them.",
    )
    launch_max: int = Field(
        100,
        ge=1,
        le=1000,
        description="Most instances of one RunInstances request; a larger MinCount is `InstanceLimitExceeded`.",
    )
    terminated_visible_seconds: int = Field(3600, ge=0, description="How long terminated instances stay visible.")
    page_token_key: SecretStr = Field(
        SecretStr(""),
        description="Key that seals page tokens, the same for all replicas; empty: made from the service user's login.",
    )

    # Coordination
    coordination_url: str = Field(
        "",
        repr=False,  # it may hold a password
        description="tooz URL for locks that replicas share (etcd3+http://, redis://, …); empty: files in `state_dir`.",
    )
    state_dir: Path = Field(
        Path("~/.local/state/passerelle"), description="Directory of the embedded cloud, demo files and file locks."
    )

    # S3
    access_log_seconds: float = Field(
        300.0, gt=0, description="How long records of a bucket's access log wait before they are written to its target."
    )

    # Event notifications
    notification_file: Path | None = Field(
        None,
        description="JSON file of the webhooks that buckets may name as destinations of event notifications, by ARN; "
        "unset: notifications are refused.",
    )
    notification_dir: Path | None = Field(
        None,
        description="Directory on a local disk where notifications wait for `passerelle notify`; unset: "
        "`notifications` in `state_dir`.",
    )
    notification_bytes: int = Field(
        256 << 20,
        ge=1 << 16,
        description="How much of the disk waiting notifications may take, and an eighth of it those of one project for "
        "one destination; further ones are dropped and counted.",
    )
    notification_keep_seconds: float = Field(
        345_600.0, gt=0, description="How long a notification that nobody takes is kept."
    )
    notification_retry_seconds: float = Field(
        300.0, gt=0, description="Longest pause before a webhook that failed is tried again."
    )
    notification_timeout_seconds: float = Field(10.0, gt=0, description="How long a webhook may take to answer.")

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is written.")
    log_format: Literal["json", "text"] = Field("json", description="One JSON object a line, or readable text.")

    @field_validator("s3_website_hosts")
    @classmethod
    def _check_website_hosts(cls, hosts: tuple[str, ...], known: ValidationInfo) -> tuple[str, ...]:
        """Refuse a host that S3 has too, and one that no Host header equals."""
        for host in hosts:
            if host in known.data.get("s3_hosts", ()):
                raise ValueError(f"{host} is in s3_hosts too")
            if not host or host != host.lower().strip(".") or ":" in host:
                raise ValueError(f"{host!r} is no host name in lower case without a port")
        return hosts

    @field_validator("s3_storage_classes")
    @classmethod
    def _check_policies(cls, policies: dict[str, str]) -> dict[str, str]:
        """Refuse what cannot name a storage policy; Swift does not mind the case of its letters."""
        for name in policies.values():
            if not re.fullmatch("[A-Za-z0-9-]{1,64}", name):
                raise ValueError(f"{name!r} is not the name of a storage policy")
        return {storage: name.lower() for storage, name in policies.items()}

    @field_validator("account_ids")
    @classmethod
    def _check_account_ids(cls, accounts: dict[str, str]) -> dict[str, str]:
        """Refuse malformed account ids, and one id for two projects: the caches of an account serve both."""
        found, project_of = [], dict[str, str]()
        for project, account in accounts.items():
            if not (len(account) == 12 and account.isascii() and account.isdigit()):
                found.append(f"{account!r} for project {project} is not 12 digits")
            if (first := project_of.setdefault(account, project)) != project:
                found.append(f"projects {first} and {project} share the account id {account}")
        if found:
            raise ValueError("; ".join(found))
        return accounts
