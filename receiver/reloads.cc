#include "receiver/reloads.h"

#include <utility>

#include "common/log/log.h"

namespace keystrand::receiver {

void Reloads::Add(Item item) {
  Watched watched{std::move(item), {}};
  for (const std::string& file : watched.item.files) watched.files.emplace_back(file);
  items_.push_back(std::move(watched));
}

void Reloads::Changed() {
  for (Watched& watched : items_) {
    bool changed = false;
    for (FileWatch& file : watched.files) changed = file.Changed() || changed;  // each is asked
    if (changed) Reload(watched.item);
  }
}

void Reloads::All() {
  for (const Watched& watched : items_) Reload(watched.item);
}

void Reloads::Reload(const Item& item) {
  const auto reloaded = item.reload();
  (reloaded ? item.reloaded_count : item.refused_count).Increment();
  if (reloaded) return log::Info(item.reloaded, "the new ones are in force", {{log::Field::kEndpoint, item.name}});
  log::Error(item.refused, "the old ones stay in force",
             {{log::Field::kEndpoint, item.name}, {log::Field::kDetail, reloaded.error().detail}});
}

}  // namespace keystrand::receiver
