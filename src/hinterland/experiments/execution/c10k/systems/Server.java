// One platform thread for each connection, in Java: the model of threads.py in a compiled language
// whose threads run in parallel. What remains of the difference to an event loop is the model's own.
//
//     javac Server.java && java Server 8080

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.charset.StandardCharsets;

public final class Server {
    private static final byte[] ANSWER =
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".getBytes(StandardCharsets.US_ASCII);

    /** Answers each request of one client until it leaves. A request ends with an empty line. */
    private static void serve(Socket client) {
        try (client) {
            InputStream in = client.getInputStream();
            byte[] buffer = new byte[4096];
            int newlines = 0; // how many line ends came in a row
            for (int count; (count = in.read(buffer)) > 0; ) {
                for (int i = 0; i < count; i++) {
                    if (buffer[i] == '\n') {
                        newlines++;
                    } else if (buffer[i] != '\r') {
                        newlines = 0;
                    }
                    if (newlines == 2) {
                        client.getOutputStream().write(ANSWER);
                        newlines = 0;
                    }
                }
            }
        } catch (IOException left) {
            // The client left without saying goodbye.
        }
    }

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(arguments[0]);
        try (ServerSocket listener = new ServerSocket()) {
            listener.setOption(StandardSocketOptions.SO_REUSEPORT, true);
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 4096);
            System.out.println("ready");
            while (true) {
                Socket client = listener.accept();
                client.setTcpNoDelay(true);
                Thread thread = new Thread(() -> serve(client));
                thread.setDaemon(true);
                thread.start();
            }
        }
    }
}
