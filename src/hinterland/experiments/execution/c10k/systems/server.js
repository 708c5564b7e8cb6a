// One thread for all connections, in Node.js: the event loop is the language's own.
//
//     node server.js 8080
//     node server.js 8080 3     three processes with a loop each, where one may not open so many files

const cluster = require("node:cluster");
const net = require("node:net");

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const server = net.createServer({ noDelay: true }, (client) => {
  let unread = "";
  client.setEncoding("latin1");
  client.on("data", (received) => {
    const requests = (unread + received).split("\r\n\r\n");
    unread = requests.pop();
    client.write(ANSWER.repeat(requests.length));
  });
  client.on("error", () => client.destroy()); // the client left without saying goodbye
});

const [port, processes = 1] = process.argv.slice(2).map(Number);
if (processes > 1 && cluster.isPrimary) {
  let listening = 0;
  cluster.on("listening", () => ++listening === processes && console.log("ready"));
  for (let i = 0; i < processes; i++) cluster.fork();
} else {
  server.listen({ host: "127.0.0.1", port, backlog: 4096 }, () => cluster.isPrimary && console.log("ready"));
}
