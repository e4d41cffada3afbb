// What SimFileSystem loses when its power is cut.
#include "io/sim_file_system.h"
#include "io/sim_file_system_node.h"

namespace millrace::io {

void SimFileSystem::LoseBytes(Node& file, Loss loss) {
  std::string left = file.durable;
  if (loss == Loss::kForgotten) {
    for (const Node::Write& write : file.unsynced) {
      if (!write.forgotten) Node::Apply(left, write);
    }
    file.now = file.durable = std::move(left);
    file.unsynced.clear();
    return;
  }
  // 0: none, 1: all, 2: a prefix whose last write is torn, 3: each write kept, torn or dropped.
  const uint64_t fate = loss == Loss::kEverything ? 0 : random_.Next() % 4;
  const size_t prefix = file.unsynced.empty() ? 0 : random_.Next() % file.unsynced.size();
  for (size_t i = 0; i < file.unsynced.size(); ++i) {
    Node::Write& write = file.unsynced[i];
    const bool torn = fate == 2 ? i == prefix : fate == 3 && random_.Next() % 3 == 0;
    const bool kept =
        fate == 1 || (fate == 2 && i <= prefix) || (fate == 3 && random_.Next() % 2 == 0);
    if (!kept) continue;
    if (torn && !write.bytes.empty()) write.bytes.resize(random_.Next() % write.bytes.size());
    Node::Apply(left, write);
  }
  file.now = file.durable = std::move(left);
  file.unsynced.clear();
}

void SimFileSystem::LoseNames(Node& folder, Loss loss) {
  Node::Names left = folder.durable_names;
  if (loss == Loss::kForgotten) {
    for (const Node::NameChange& change : folder.unsynced_names) {
      if (!change.forgotten) Node::Apply(left, change);
    }
    // A folder whose removal is lost was emptied for it: what was in it is back too.
    std::set<Node*> seen;
    for (const auto& [name, child] : left) {
      if (child->is_folder && !folder.names.contains(name))
        LoseUnsynced(*child, Loss::kEverything, seen);
    }
    folder.names = folder.durable_names = std::move(left);
    folder.unsynced_names.clear();
    return;
  }
  const uint64_t fate = loss == Loss::kEverything ? 0 : random_.Next() % 4;
  const size_t prefix =
      folder.unsynced_names.empty() ? 0 : random_.Next() % (folder.unsynced_names.size() + 1);
  for (size_t i = 0; i < folder.unsynced_names.size(); ++i) {
    const bool kept =
        fate == 1 || (fate == 2 && i < prefix) || (fate == 3 && random_.Next() % 2 == 0);
    if (kept) Node::Apply(left, folder.unsynced_names[i]);
  }
  folder.names = folder.durable_names = std::move(left);
  folder.unsynced_names.clear();
}

void SimFileSystem::LoseUnsynced(Node& node, Loss loss, std::set<Node*>& seen) {
  if (!seen.insert(&node).second) return;
  if (!node.is_folder) {
    LoseBytes(node, loss);
    return;
  }
  LoseNames(node, loss);
  for (const auto& [name, child] : node.names) LoseUnsynced(*child, loss, seen);
}

}  // namespace millrace::io
