"""A Cinder backend of sparse files: a volume takes only the disk space that was written to it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cinder.volume import driver
from oslo_config import cfg
from oslo_utils.imageutils import format_inspector

from .sparse import WrittenPart, length

OPTIONS = [cfg.StrOpt("passerelle_volumes", help="The directory of the volumes' files.")]


def _converts(image_meta: dict[str, Any]) -> bool:
    """Tell whether an image has to be converted, and can be."""
    return image_meta["disk_format"] != "raw" and shutil.which("qemu-img") is not None


def _convert(source: Path, source_format: str, target: Path, target_format: str) -> None:
    """Convert a disk; Cinder's own functions for that need sudo, and block where Cinder runs with threads."""
    names = {"vhd": "vpc"}  # formats to which qemu-img gives names of its own
    formats = ["-f", names.get(source_format, source_format), "-O", names.get(target_format, target_format)]
    subprocess.run(["qemu-img", "convert", *formats, str(source), str(target)], check=True)


class SparseFiles(driver.VolumeDriver):  # type: ignore[misc]
    """Volumes and snapshots are files with Cinder's names; the connection info of an attachment is a path."""

    VERSION = "1.0"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)

    def do_setup(self, context: Any) -> None:
        """Make the directory."""
        Path(self.configuration.passerelle_volumes).mkdir(parents=True, exist_ok=True)

    def check_for_setup_error(self) -> None:
        """Do nothing: do_setup has raised any error."""

    def file(self, thing: Any) -> Path:
        """Return the file of a volume or a snapshot."""
        return Path(self.configuration.passerelle_volumes) / str(thing.name)

    def copy(self, source: Any, target: Any, gib: int) -> None:
        """Copy data and holes, and extend the copy."""
        path = self.file(target)
        copy = [shutil.which("cp") or "/bin/cp", "--sparse=always", "--reflink=auto", str(self.file(source)), str(path)]
        subprocess.run(copy, check=True)
        os.truncate(path, length(gib))

    def create_volume(self, volume: Any) -> None:
        """Make an empty volume."""
        with self.file(volume).open("wb") as file:
            file.truncate(length(volume.size))

    def delete_volume(self, volume: Any) -> None:
        """Delete a volume's file."""
        self.file(volume).unlink(missing_ok=True)

    def create_snapshot(self, snapshot: Any) -> None:
        """Copy a volume's current content."""
        self.copy(snapshot.volume, snapshot, snapshot.volume_size)

    def delete_snapshot(self, snapshot: Any) -> None:
        """Free a snapshot's space."""
        self.file(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        """Create a volume with a snapshot's content."""
        self.copy(snapshot, volume, volume.size)

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        """Create a volume with another volume's content."""
        self.copy(src_vref, volume, volume.size)

    def revert_to_snapshot(self, context: Any, volume: Any, snapshot: Any) -> None:
        """Restore a snapshot's content."""
        self.copy(snapshot, volume, volume.size)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Extend a volume."""
        os.truncate(self.file(volume), length(new_size))

    def clone_image(
        self, context: Any, volume: Any, image_location: Any, image_meta: dict[str, Any], image_service: Any
    ) -> tuple[dict[str, Any], bool]:
        """Create a volume from an image; one that is not raw is read as raw where there is no qemu-img."""
        path = self.file(volume)
        with tempfile.NamedTemporaryFile(dir=path.parent) if _converts(image_meta) else path.open("wb") as file:
            image_service.download(context, image_meta["id"], file)
            file.flush()
            if _converts(image_meta):
                inspector = format_inspector.detect_file_format(file.name)
                assert inspector is not None  # what has no other format is raw
                inspector.safety_check()  # raises for an image that names other files
                _convert(Path(file.name), str(inspector), path, "raw")
        os.truncate(path, length(volume.size))
        return {}, True

    def copy_volume_to_image(self, context: Any, volume: Any, image_service: Any, image_meta: dict[str, Any]) -> None:
        """Create an image from a volume: a raw one without the unwritten zeros at its end."""
        path = self.file(volume)
        if _converts(image_meta):
            with tempfile.NamedTemporaryFile(dir=path.parent) as converted:
                _convert(path, "raw", Path(converted.name), image_meta["disk_format"])
                with Path(converted.name).open("rb") as body:
                    image_service.update(context, image_meta["id"], {}, body)
            return
        with WrittenPart(path) as body:
            image_service.update(context, image_meta["id"], {}, body)

    def ensure_export(self, context: Any, volume: Any) -> None:
        """Do nothing: a path needs no export."""

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        """Do nothing: a path needs no target."""

    def remove_export(self, context: Any, volume: Any) -> None:
        """Do nothing: there is no export."""

    def initialize_connection(self, volume: Any, connector: Any) -> dict[str, Any]:
        """Return the connection info for Nova."""
        return {"driver_volume_type": "local", "data": {"device_path": str(self.file(volume))}}

    def terminate_connection(self, volume: Any, connector: Any, **kwargs: Any) -> None:
        """Do nothing: there is no connection."""

    def _update_volume_stats(self) -> None:
        self._stats = {
            "volume_backend_name": self.configuration.volume_backend_name,
            "vendor_name": "Passerelle",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "multiattach": True,
            "online_extend_support": True,
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
            "reserved_percentage": 0,
            "QoS_support": False,
        }
