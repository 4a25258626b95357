#include "receiver/file_watch.h"

#include <sys/stat.h>

#include <utility>

namespace keystrand::receiver {

FileWatch::FileWatch(std::string path) : path_(std::move(path)), seen_(Look()) {}

bool FileWatch::Changed() {
  const Stamp now = Look();
  return now != std::exchange(seen_, now);
}

FileWatch::Stamp FileWatch::Look() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace keystrand::receiver
