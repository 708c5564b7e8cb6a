// One thread for all connections, in Node.js: the event loop is the language's own.
//
//     node server.js 8080

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

server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
