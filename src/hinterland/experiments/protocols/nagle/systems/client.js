// The client of client.py in another language and on another library: Node.js, whose sockets know Nagle, too.
//
// `two_writes` is wrong on purpose, for the reason given there.
//
//     node client.js 127.0.0.1 7000 two_writes 0.5

const net = require("node:net");

const [address, port, way, seconds] = process.argv.slice(2);
const HEAD = Buffer.alloc(100, "h");
const BODY = Buffer.alloc(400, "b");
const ANSWER_BYTES = 100;
const FEWEST = 6;
const MOST = 100;

const server = net.connect({ host: address, port: Number(port), noDelay: way === "no_delay" });
const now = () => Number(process.hrtime.bigint()) / 1e3;
const took = [];
let end, start, missing;

function send() {
  start = now();
  missing = ANSWER_BYTES;
  if (way === "one_write") {
    server.write(Buffer.concat([HEAD, BODY]));
    return;
  }
  if (way === "corked") server.cork(); // a cork of the library's own: it keeps the bytes, and writes once
  server.write(HEAD);
  server.write(BODY);
  if (way === "corked") server.uncork();
}

server.on("connect", () => {
  end = now() + Number(seconds) * 1e6;
  send();
});

server.on("data", (received) => {
  missing -= received.length;
  if (missing > 0) return;
  took.push(now() - start);
  if (took.length < FEWEST || (took.length < MOST && now() < end)) return send();
  console.log(JSON.stringify({ exchanges_us: took }));
  server.end();
});
