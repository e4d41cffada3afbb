// What SimFileSystem keeps of a file or a folder. Private to sim_file_system*.cc.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/sim_file_system.h"

namespace millrace::io {

// A file or a folder. `now` is what callers see; `durable` what a power cut leaves for certain;
// `unsynced` leads from the one to the other.
struct SimFileSystem::Node {
  struct Write {
    uint64_t offset;
    std::string bytes;
    bool truncate = false;  // to `offset`, no bytes
    bool forgotten = false;
  };
  struct NameChange {
    std::string name;
    NodePtr node;        // nullptr: the name is removed
    std::string erased;  // a second name that goes in the same instant (rename)
    bool forgotten = false;
  };
  using Names = std::map<std::string, NodePtr>;

  explicit Node(bool folder) : is_folder(folder) {}

  static void Apply(std::string& content, const Write& write) {
    if (write.truncate) {
      content.resize(write.offset);
      return;
    }
    if (content.size() < write.offset + write.bytes.size())
      content.resize(write.offset + write.bytes.size());
    content.replace(write.offset, write.bytes.size(), write.bytes);
  }
  static void Apply(Names& names, const NameChange& change) {
    if (!change.erased.empty()) names.erase(change.erased);
    if (change.node == nullptr) {
      names.erase(change.name);
    } else {
      names[change.name] = change.node;
    }
  }
  void Forget() {
    for (Write& write : unsynced) write.forgotten = true;
    for (NameChange& change : unsynced_names) change.forgotten = true;
  }
  void Settle() {
    for (const Write& write : unsynced) Apply(durable, write);
    for (const NameChange& change : unsynced_names) Apply(durable_names, change);
    unsynced.clear();
    unsynced_names.clear();
  }

  const bool is_folder;
  int64_t modified_us = 0;
  std::string now, durable;
  std::vector<Write> unsynced;
  Names names, durable_names;
  std::vector<NameChange> unsynced_names;
};

}  // namespace millrace::io
