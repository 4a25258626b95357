package worker;

import com.sun.net.httpserver.HttpServer;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Peer of keystrand-worker: what a good Java engineer would run instead. Confluent's parallel-consumer in KEY order hands out
 * batches of up to 200 events of different keys; each is one statement over JDBC, with connections from HikariCP.
 *
 * <p>Environment: BROKERS, TOPIC, GROUP, JDBC_URL, DATABASE_USER, DATABASE_PASSWORD, CONNECTIONS (to the database), SQL
 * (settle.sql), PROGRESS_PORT (answers GET / with the number of records settled). SIGTERM: commits the offsets of what is
 * settled, then exits with 0.
 */
public final class Main {
  private static final int BATCH_MAX = 200;

  public static void main(String[] arguments) throws Exception {
    int connections = Integer.parseInt(System.getenv("CONNECTIONS"));
    HikariDataSource database = newPool(connections);
    Settler settler = new Settler(database, Files.readString(Path.of(System.getenv("SQL"))), System.getenv("TOPIC"));
    AtomicLong settled = new AtomicLong();
    serveProgress(settled);
    ParallelStreamProcessor<String, byte[]> processor = newProcessor(connections);
    processor.subscribe(List.of(System.getenv("TOPIC")));
    processor.poll(
        batch -> {
          settler.settle(batch.getConsumerRecordsFlattened());
          settled.addAndGet(batch.size());
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      processor.closeDrainFirst();
      database.close();
      Runtime.getRuntime().halt(0); // the JVM would say 143
    }));
  }

  private static HikariDataSource newPool(int connections) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(System.getenv("JDBC_URL"));
    config.setUsername(System.getenv("DATABASE_USER"));
    config.setPassword(System.getenv("DATABASE_PASSWORD"));
    config.setMaximumPoolSize(connections);
    return new HikariDataSource(config);
  }

  private static ParallelStreamProcessor<String, byte[]> newProcessor(int connections) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", System.getenv("BROKERS"));
    properties.put("group.id", System.getenv("GROUP"));
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    properties.put("key.deserializer", StringDeserializer.class.getName());
    properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
    return ParallelStreamProcessor.createEosStreamProcessor(
        ParallelConsumerOptions.<String, byte[]>builder()
            .ordering(ProcessingOrder.KEY)
            .maxConcurrency(connections)
            .batchSize(BATCH_MAX)
            .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
            .consumer(new KafkaConsumer<>(properties))
            .build());
  }

  private static void serveProgress(AtomicLong settled) throws IOException {
    int port = Integer.parseInt(System.getenv("PROGRESS_PORT"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.createContext("/", exchange -> {
      byte[] body = (settled.get() + "\n").getBytes();
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
    });
    server.start();
  }
}
