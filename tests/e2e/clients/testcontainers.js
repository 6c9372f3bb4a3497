// SPDX-License-Identifier: Apache-2.0
// A test's container by Testcontainers, from start to stop: testcontainers.js IMAGE FOREIGN
const assert = require('assert');
const { GenericContainer, Wait } = require('testcontainers');

async function main() {
  const [image] = process.argv.slice(2);
  const box = await new GenericContainer(image)
    .withCommand(['sh', '-c', "echo 'ready to go'; exec tail -f /dev/null"])
    .withEnvironment({ COLOUR: 'blue' })
    .withCopyContentToContainer([{ content: 'copied', target: '/srv/given' }])
    .withWaitStrategy(Wait.forLogMessage('ready to go'))
    .withStartupTimeout(180000)
    .start();
  const done = await box.exec(['sh', '-c', 'cat /srv/given; echo $COLOUR; exit 4']);
  assert.deepStrictEqual([done.output, done.exitCode], ['copiedblue\n', 4]);
  await box.stop();
  await assert.rejects(
    new GenericContainer(image).withPrivilegedMode().start(),
    error => String(error).includes('caisson: HostConfig.Privileged'));
  console.log('passed');
}

main().then(() => process.exit(0), error => { console.error(error); process.exit(1); });
