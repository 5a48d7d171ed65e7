// A device that writes 2 MB a second: a file system on a loop device, each of whose writes is waited for, in a control group
// with a throttle. Writers must wait, memory must keep its bound, and nobody may spin. Linux, and root.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { demand } from './lib.mjs';

export const name = 'a slow device';

const groups = '/sys/fs/cgroup/blkio';
const bytesPerSecond = 2 * 1024 * 1024;
const child = fileURLToPath(new URL('slow-writer.mjs', import.meta.url));

export function cannot() {
  if (process.platform !== 'linux') return 'only Linux has control groups';
  if (process.getuid() !== 0) return 'only root may mount and throttle';
  return existsSync(join(groups, 'blkio.throttle.write_bps_device'))
    ? undefined
    : 'no throttle for devices here';
}

function sh(command, ...given) {
  const done = spawnSync('sh', ['-c', command, ...given], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

export async function run({ directory, short }) {
  const image = join(directory, 'slow.img');
  const mountPoint = join(directory, 'slow');
  const group = join(groups, `swapstore-${process.pid}`);
  mkdirSync(mountPoint);
  const device = sh(`truncate -s 512M "$0" && mkfs.ext4 -q -F "$0" && losetup --find --show "$0"`, image);
  if (device === undefined) return 'left out: no loop device';
  try {
    if (sh(`mount -o sync "$0" "$1"`, device, mountPoint) === undefined) return 'left out: cannot mount';
    mkdirSync(group);
    const { rdev } = statSync(device);
    const number = `${(rdev >> 8) & 0xfff}:${rdev & 0xff}`;
    writeFileSync(join(group, 'blkio.throttle.write_bps_device'), `${number} ${bytesPerSecond}\n`);
    const work = JSON.stringify({ path: join(mountPoint, 'store'), megabytes: short ? 12 : 60 });
    const enter = `echo $$ > "$0/cgroup.procs" && exec "$@"`;
    const ran = spawnSync('sh', ['-c', enter, group, process.execPath, child, work], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`status ${ran.status}, signal ${ran.signal}: ${ran.stderr}`);
    const met = JSON.parse(ran.stdout);
    demand(met.writtenBytes / met.seconds < 2 * bytesPerSecond, 'the device was not slow');
    demand(met.usedBytesMax <= met.maxMemory, `memory held ${met.usedBytesMax} bytes`);
    demand(met.processorShare < 0.5, `it span: ${met.processorShare} of a processor`);
    demand(met.wrong === 0, `${met.wrong} wrong values`);
    const { writtenBytes, seconds, usedBytesMax, maxMemory, processorShare, getMsMax, delayMsMax } = met;
    const mebi = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    return (
      `${mebi(writtenBytes)} in ${seconds.toFixed(0)} s; memory ${mebi(usedBytesMax)} of ${mebi(maxMemory)}; ` +
      `${(100 * processorShare).toFixed(0)}% of a processor; get of what is in memory ${getMsMax.toFixed(2)} ms at most, ` +
      `delay of the loop ${delayMsMax.toFixed(0)} ms at most; no wrong value`
    );
  } finally {
    sh(`umount -l "$0"; losetup -d "$1"`, mountPoint, device);
    if (existsSync(group)) rmdirSync(group);
  }
}
