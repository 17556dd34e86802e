"""Creates Neutron's database: `python -P -m passerelle_cloud.neutron_tables FILE`.

Neutron's migrations alter constraints, which SQLite cannot do. So the tables are made from the models, and the rows
that a migration would insert are added: the rules of every new security group.
"""

import sys
import uuid
from typing import Any

import sqlalchemy
from neutron.db.migration.models import head

KIND = "securitygroupdefaultrules"


def default_rules() -> list[dict[str, Any]]:
    """Return the template rules: all egress, and ingress within a project's `default` group."""
    return [
        {
            "id": str(uuid.uuid4()),
            "ethertype": ethertype,
            "direction": direction,
            "used_in_default_sg": True,
            "used_in_non_default_sg": direction == "egress",
            "remote_group_id": "PARENT" if direction == "ingress" else None,
        }
        for ethertype in ("IPv4", "IPv6")
        for direction in ("egress", "ingress")
    ]


def main(file: str) -> None:
    """Create the tables and insert the rows."""
    metadata = head.get_metadata()
    engine = sqlalchemy.create_engine(f"sqlite:///{file}")
    metadata.create_all(engine)
    attributes, rules = metadata.tables["standardattributes"], metadata.tables[KIND]
    with engine.begin() as connection:
        for rule in default_rules():
            row = connection.execute(attributes.insert().values(resource_type=KIND, description=""))
            connection.execute(rules.insert().values(standard_attr_id=row.inserted_primary_key[0], **rule))


if __name__ == "__main__":
    main(sys.argv[1])
