// The server of server.py in another language, on another event loop: Node.js.
//
// `blocking` is wrong on purpose. Node.js has no blocking HTTP client, so people build one: a worker thread asks, and
// the main thread sleeps in Atomics.wait until it is woken. Libraries that "make async code synchronous" do that.
//
//     node server.js 8080 8081 200 blocking

const http = require("node:http");
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

function fetchStatus(port, waitMs) {
  return new Promise((resolve, reject) => {
    const path = `/?wait_ms=${Number(waitMs).toFixed(3)}`;
    http.get({ host: "127.0.0.1", port, path, agent: false }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    }).on("error", reject);
  });
}

if (isMainThread) serve(...process.argv.slice(2));
else work(workerData);

// The worker thread: asks the neighbour for whoever posts a message, and then does both: wakes and answers.
function work({ port, waitMs, done }) {
  parentPort.on("message", async (number) => {
    const status = await fetchStatus(port, waitMs);
    Atomics.store(done, 0, status);
    Atomics.notify(done, 0);
    parentPort.postMessage([number, status]);
  });
}

function serve(port, neighbourPort, waitMs, way) {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(__filename, { workerData: { port: Number(neighbourPort), waitMs, done } });
  const asked = new Map();
  let number = 0;
  worker.on("message", ([answered, status]) => {
    asked.get(answered)?.(status);
    asked.delete(answered);
  });

  const ways = {
    blocking: async () => {
      Atomics.store(done, 0, 0);
      worker.postMessage(-1);
      Atomics.wait(done, 0, 0); // The only thread that runs handlers sleeps here.
      return Atomics.load(done, 0);
    },
    to_thread: () =>
      new Promise((resolve) => {
        asked.set(++number, resolve);
        worker.postMessage(number);
      }),
    async: () => fetchStatus(neighbourPort, waitMs),
  };

  const server = http.createServer(async (request, response) => {
    response.end(request.url === "/report" ? `${await ways[way]()}\n` : "ok\n");
  });
  worker.once("online", () => server.listen(Number(port), "127.0.0.1"));
}
