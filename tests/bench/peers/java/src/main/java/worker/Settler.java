package worker;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javax.sql.DataSource;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Writes a batch in one statement, which is one transaction: a row of the inbox for each event, a snapshot for each object. */
final class Settler {
  private final DataSource database;
  private final String statement;
  private final String topic;

  /** The statement has each of its parameters once and in order, so JDBC's question marks can take their places. */
  Settler(DataSource database, String statement, String topic) {
    this.database = database;
    this.statement = statement.replaceAll("--[^\n]*", "").replaceAll("\\$\\d+", "?");
    this.topic = topic;
  }

  void settle(List<ConsumerRecord<String, byte[]>> records) {
    List<Event> events = records.stream().map(Event::read).toList();
    Map<String, Event> newest = new HashMap<>();
    for (Event event : events) {
      newest.merge(event.objectId(), event, (known, other) -> other.newerThan(known) ? other : known);
    }
    try (Connection connection = database.getConnection();
        PreparedStatement prepared = connection.prepareStatement(statement)) {
      prepared.setString(1, topic);
      bindEvents(connection, prepared, events);
      bindObjects(connection, prepared, newest.values());
      prepared.executeUpdate();
    } catch (SQLException failure) {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1); // a figure taken after a failure is none
    }
  }

  private static void bindEvents(Connection connection, PreparedStatement prepared, List<Event> events)
      throws SQLException {
    prepared.setArray(2, array(connection, "text", events, Event::scope));
    prepared.setArray(3, array(connection, "text", events, Event::id));
    prepared.setArray(4, array(connection, "text", events, Event::type));
    prepared.setArray(5, array(connection, "text", events, Event::key));
    prepared.setArray(6, array(connection, "text", events, Event::objectType));
    prepared.setArray(7, array(connection, "text", events, Event::objectId));
    prepared.setArray(8, array(connection, "text", events, Event::apiVersion));
    prepared.setArray(9, array(connection, "int8", events, Event::created));
    prepared.setArray(10, array(connection, "int8", events, Event::receivedAt));
    prepared.setArray(11, array(connection, "int4", events, Event::partition));
    prepared.setArray(12, array(connection, "int8", events, Event::offset));
  }

  private static void bindObjects(Connection connection, PreparedStatement prepared, Collection<Event> objects)
      throws SQLException {
    prepared.setArray(13, array(connection, "text", objects, Event::scope));
    prepared.setArray(14, array(connection, "text", objects, Event::objectType));
    prepared.setArray(15, array(connection, "text", objects, Event::objectId));
    prepared.setArray(16, array(connection, "text", objects, Event::object));
    prepared.setArray(17, array(connection, "text", objects, Event::apiVersion));
    prepared.setArray(18, array(connection, "text", objects, Event::id));
    prepared.setArray(19, array(connection, "text", objects, Event::type));
    prepared.setArray(20, array(connection, "int8", objects, Event::created));
  }

  private static Array array(Connection connection, String type, Collection<Event> events, Function<Event, Object> column)
      throws SQLException {
    return connection.createArrayOf(type, events.stream().map(column).toArray());
  }
}
