package worker;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What the rows need of an event; {@code object} is the snapshot as JSON text. */
record Event(String id, String type, String scope, String apiVersion, long created, String key, long receivedAt,
    int partition, long offset, String objectType, String objectId, String object) {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  static Event read(ConsumerRecord<String, byte[]> record) {
    try {
      JsonNode event = MAPPER.readTree(record.value());
      JsonNode object = event.path("data").path("object");
      String account = event.path("account").asText("");
      String scope = (event.path("livemode").asBoolean() ? "live/" : "test/") + (account.isEmpty() ? "self" : account);
      return new Event(event.path("id").asText(), event.path("type").asText(), scope, event.path("api_version").asText(),
          event.path("created").asLong(), record.key(), record.timestamp(), record.partition(), record.offset(),
          object.path("object").asText(), object.path("id").asText(), object.toString());
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  boolean newerThan(Event other) {
    return created > other.created || created == other.created && id.compareTo(other.id) > 0;
  }
}
