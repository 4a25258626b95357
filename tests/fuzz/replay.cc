#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/target.h"

/// replay FILE|FOLDER…: runs every file, and every file of a folder, through the target. A broken promise, a crash or
/// too much time ends it with the file's name; a folder without files is an error, since it would prove nothing.
namespace {

namespace fs = std::filesystem;

std::string running;  // the file whose input runs now

void NameTheFile(int signal) {
  const std::string line = "in " + running + "\n";
  const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  std::signal(signal, SIG_DFL);
  std::raise(written >= 0 ? signal : SIGABRT);
}

std::vector<fs::path> FilesOf(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with('.')) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool Run(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  running = path.string();
  if (!file) return std::fprintf(stderr, "cannot read %s\n", running.c_str()), false;
  keystrand::fuzz::RunInput((std::ostringstream() << file.rdbuf()).str());
  return true;
}

bool RunAll(const fs::path& path) {
  const auto files = FilesOf(path);
  if (files.empty()) return std::fprintf(stderr, "no file in %s\n", path.c_str()), false;
  std::fprintf(stderr, "%zu inputs of %s\n", files.size(), path.c_str());
  return std::all_of(files.begin(), files.end(), Run);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, NameTheFile);
  std::signal(SIGSEGV, NameTheFile);
  const std::vector<fs::path> paths(argv + 1, argv + argc);
  const bool done = !paths.empty() && std::all_of(paths.begin(), paths.end(), RunAll);
  keystrand::fuzz::PrintLongest();
  return done ? 0 : 1;
}
