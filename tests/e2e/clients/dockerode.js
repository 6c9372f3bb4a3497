// SPDX-License-Identifier: Apache-2.0
// What people do with dockerode, from create to remove: dockerode.js IMAGE FOREIGN
const assert = require('assert');
const { PassThrough } = require('stream');
const Docker = require('dockerode');

const [image, foreign] = process.argv.slice(2);
const docker = new Docker();

const text = stream => new Promise((resolve, reject) => {
  let all = '';
  stream.on('data', data => { all += data; });
  stream.on('end', () => resolve(all)).on('error', reject);
});

// The two streams of a container without a terminal, told apart.
const demux = stream => {
  const out = new PassThrough(), err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => { out.end(); err.end(); });
  return Promise.all([text(out), text(err)]);
};

async function main() {
  assert(String(await docker.ping()) === 'OK' && (await docker.version()).ApiVersion);

  const box = await docker.createContainer({
    Image: image, name: 'caisson-dockerode', Labels: { a: 'b' },
    Cmd: ['sh', '-c', "echo 'to stdout'; echo 'to stderr' >&2; read x; exit 3"],
    OpenStdin: true, HostConfig: { Memory: 67108864 },
  });
  await box.start();

  const exec = await box.exec({ Cmd: ['sh', '-c', 'cat; exit 4'], AttachStdin: true,
    AttachStdout: true, AttachStderr: true });
  const typed = await exec.start({ hijack: true, stdin: true });
  const said = demux(typed);
  typed.end('typed\n');
  assert.deepStrictEqual(await said, ['typed\n', '']);
  assert.strictEqual((await exec.inspect()).ExitCode, 4);

  const plain = await box.exec({ Cmd: ['echo', 'plain'], AttachStdout: true });
  assert.deepStrictEqual(await demux(await plain.start({ Detach: false, Tty: false })),
    ['plain\n', '']);

  const followed = demux(await box.logs({ follow: true, stdout: true, stderr: true }));
  const stdin = await box.attach({ stream: true, stdin: true, hijack: true });
  stdin.end('go\n');
  assert.strictEqual((await box.wait()).StatusCode, 3);
  assert.deepStrictEqual(await followed, ['to stdout\n', 'to stderr\n']);
  assert((await box.logs({ stdout: true, tail: 9 })).toString().endsWith('to stdout\n'));
  assert.strictEqual((await box.inspect()).State.ExitCode, 3);

  const all = await docker.listContainers({ all: true });
  assert.deepStrictEqual(all.map(c => c.Names[0]), ['/caisson-dockerode']);
  const labelled = await docker.listContainers({ all: true, filters: { label: ['a=b'] } });
  assert.strictEqual(labelled.length, 1);
  await box.remove({ force: true, v: true });

  const out = new PassThrough(), ran = text(out);
  const [done, made] = await docker.run(image, ['echo', 'run'], out, { HostConfig: {} });
  assert.strictEqual(done.StatusCode, 0);
  await made.remove();
  assert.strictEqual(await ran, 'run\r\n');

  for (const ref of [foreign, 'caisson-nothing'])
    await assert.rejects(docker.getContainer(ref).inspect(),
      error => error.statusCode === 404 && error.json.message === 'No such container: ' + ref);
  await assert.rejects(
    docker.createContainer({ Image: image, HostConfig: { Privileged: true } }),
    error => error.statusCode === 403 &&
      error.json.message.startsWith('caisson: HostConfig.Privileged'));
  console.log('passed');
}

main().catch(error => { console.error(error); process.exit(1); });
