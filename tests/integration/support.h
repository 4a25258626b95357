#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/kafka/admin.h"
#include "common/kafka/client_settings.h"
#include "common/kafka/producer.h"
#include "worker/store/session.h"

/// What the tests on real servers share. They run inside tests/with-stack, which sets the two variables.
namespace keystrand::testing_support {

std::string Brokers();
std::string DatabaseUrl();
/// Never given before, so that tests neither see nor wait for each other.
std::string UniqueName(const std::string& prefix);

kafka::ClientSettings Kafka(std::map<std::string, std::string> properties = {});
void CreateTopic(const std::string& topic, std::int32_t partitions);

/// Polls until `holds`, at most `timeout`; the last answer.
bool Eventually(const std::function<bool()>& holds,
                std::chrono::milliseconds timeout = std::chrono::milliseconds(20000));

/// One statement on a connection of its own; the rows as text, null as "∅". Fails the test on an error.
std::vector<std::vector<std::string>> Query(const std::string& sql, const std::vector<std::string>& params = {});
/// The single value of a query, "" if it has no row.
std::string QueryOne(const std::string& sql, const std::vector<std::string>& params = {});

/// Produces and waits for the report; fails the test on an error.
kafka::Position Produce(const std::string& topic, kafka::OutgoingRecord record);

}  // namespace keystrand::testing_support
