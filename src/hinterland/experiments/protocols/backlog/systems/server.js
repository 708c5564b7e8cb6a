// The same server in Node.js, which asks for a backlog of 511 if you don't.
//
//     node server.js 8080 8

const net = require("node:net");

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const [port, backlog] = process.argv.slice(2).map(Number);

const server = net.createServer((client) => {
  let unread = "";
  client.setEncoding("latin1");
  client.on("data", (received) => {
    const requests = (unread + received).split("\r\n\r\n");
    unread = requests.pop();
    client.write(ANSWER.repeat(requests.length));
  });
  client.on("error", () => client.destroy()); // the client left without saying goodbye
});

server.listen({ host: "0.0.0.0", port, backlog });
