"""File systems of a test's own: in memory, or ext4 in a file behind a loop device. Both need root."""
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

SHUTDOWN = 2 << 30 | 4 << 16 | ord('X') << 8 | 125  # _IOR('X', 125, uint32_t)
NO_LOG_FLUSH = 2


class Tmpfs:
    """A file system of its own, so many MiB large."""

    def __init__(self, mib):
        self.path = tempfile.mkdtemp(prefix='souk-full-')
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={mib}m', 'souk-test', self.path], capture_output=True, text=True)
        if done.returncode:
            os.rmdir(self.path)
            raise unittest.SkipTest(f'no tmpfs can be mounted here: {done.stderr.strip()}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(['umount', '-l', self.path], check=False)
        os.rmdir(self.path)

    def grow(self, mib):
        subprocess.run(['mount', '-o', f'remount,size={mib}m', self.path], check=True)

    def fill(self, left):
        """Leaves about so many bytes."""
        return fill(self.path, left)


def fill(folder, left):
    v = os.statvfs(folder)
    path = os.path.join(folder, 'filler')
    with open(path, 'wb') as f:
        try:
            for _ in range(max(0, v.f_bavail * v.f_frsize - left) // 65536):
                f.write(b'x' * 65536)
        except OSError:  # somebody else took it meanwhile
            pass
    return path


class Disk:
    """An ext4 file system of its own in a file, which may lie in a folder that is given; cut() loses what was not synced."""

    def __init__(self, size='1G', folder=None):
        self.folder = tempfile.mkdtemp(prefix='souk-disk-')
        self.image, self.path = os.path.join(folder or self.folder, 'image'), os.path.join(self.folder, 'mount')
        os.mkdir(self.path)
        subprocess.run(['truncate', '-s', size, self.image], check=True)
        subprocess.run(['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=1,lazy_journal_init=1', self.image], check=True)
        self.mount()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def mount(self):
        subprocess.run(['mount', '-o', 'loop', self.image, self.path], check=True)

    def fill(self, left):
        return fill(self.path, left)

    def cut(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack('I', NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def unmount(self):
        for _ in range(50):  # until the last process has let go
            if subprocess.run(['umount', self.path], stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError('the file system stays busy')

    def remove(self):
        subprocess.run(['umount', '-l', self.path], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


def missing(what='disks of our own'):
    """Why there are none here; None when there are, and they can be cut off."""
    if os.geteuid() != 0:
        return f'{what} need root'
    if not shutil.which('mkfs.ext4'):
        return f'{what} need mkfs.ext4'
    try:
        disk = Disk('16M')
    except (subprocess.CalledProcessError, OSError) as e:
        return f'{what} need loop devices: {e}'
    try:
        disk.cut()
        disk.unmount()
    except OSError as e:
        return f'the file system cannot be shut down: {e}'
    finally:
        disk.remove()
    return None
