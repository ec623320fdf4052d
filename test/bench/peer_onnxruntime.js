// peer_onnxruntime.js MODEL N C H W SECONDS [IN OUT]: ONNX Runtime, one thread, the way
// test/tools/run_network.c runs our engine. One line of JSON: median milliseconds of CPU of a
// run, the largest resident size, and what of it was there before the model was read.
// Runs from a folder where npm has put onnxruntime-node.
const fs = require('fs');
const ort = require(process.cwd() + '/node_modules/onnxruntime-node');

async function main() {
  const [model, n, c, h, w, seconds, input, output] = process.argv.slice(2);
  const before = process.resourceUsage().maxRSS;
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1,
    graphOptimizationLevel: 'all', executionMode: 'sequential' });
  const x = new Float32Array(n * c * h * w);
  if (input) {
    const bytes = fs.readFileSync(input);
    x.set(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
  } else
    for (let i = 0; i < x.length; i++) x[i] = (i * 7919 % 4096) / 2048 - 1;
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', x, [+n, +c, +h, +w]) };
  const times = [];
  let spent = 0, result;
  do {
    const start = process.cpuUsage();
    result = await session.run(feeds);
    const used = process.cpuUsage(start);
    times.push((used.user + used.system) / 1e3);
    spent += times[times.length - 1];
  } while (spent < seconds * 1e3);
  if (output) fs.writeFileSync(output, Buffer.from(result[session.outputNames[0]].data.buffer));
  const rest = times.slice(times.length > 1 ? 1 : 0).sort((a, b) => a - b);
  console.log(JSON.stringify({ median_ms: rest[rest.length >> 1], runs: times.length,
    rss_kb: process.resourceUsage().maxRSS, before_kb: before, version: ort.env.versions.common }));
}
main();
