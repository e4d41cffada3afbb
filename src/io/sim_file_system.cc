#include "io/sim_file_system.h"

#include <algorithm>

#include "io/sim_file_system_node.h"

namespace millrace::io {

class SimFileSystem::Writer final : public WritableFile {
 public:
  Writer(SimFileSystem& fs, std::string path, NodePtr node)
      : fs_(fs), path_(std::move(path)), node_(std::move(node)), life_(fs.life_) {}

  Status Append(std::string_view bytes) override {
    std::lock_guard lock(fs_.mutex_);
    MR_TRY(CheckAlive());
    return fs_.WriteTo(*node_, path_, node_->now.size(), bytes);
  }
  Status Sync(SyncSite site) override {
    std::lock_guard lock(fs_.mutex_);
    MR_TRY(CheckAlive());
    return fs_.SyncNode(*node_, path_, Op::kSync, site);
  }
  Status Truncate(uint64_t size) override {
    std::lock_guard lock(fs_.mutex_);
    MR_TRY(CheckAlive());
    return fs_.TruncateTo(*node_, path_, size);
  }
  uint64_t size() const override {
    std::lock_guard lock(fs_.mutex_);
    return node_->now.size();
  }

 private:
  Status CheckAlive() const {
    if (life_ != fs_.life_) return Fail(ErrorCode::kIo, "{}: opened before the power cut", path_);
    return {};
  }
  SimFileSystem& fs_;
  std::string path_;
  NodePtr node_;
  uint64_t life_;
};

class SimFileSystem::Reader final : public ReadableFile {
 public:
  Reader(const SimFileSystem& fs, std::string path, NodePtr node)
      : fs_(fs), path_(std::move(path)), node_(std::move(node)), life_(fs.life_) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* to) const override {
    std::lock_guard lock(fs_.mutex_);
    MR_TRY(CheckAlive());
    if (offset >= node_->now.size()) return size_t{0};
    return node_->now.copy(to, size, offset);
  }
  Result<uint64_t> Size() const override {
    std::lock_guard lock(fs_.mutex_);
    MR_TRY(CheckAlive());
    return uint64_t{node_->now.size()};
  }

 private:
  Status CheckAlive() const {
    if (life_ != fs_.life_) return Fail(ErrorCode::kIo, "{}: opened before the power cut", path_);
    return fs_.CheckPower();
  }
  const SimFileSystem& fs_;
  std::string path_;
  NodePtr node_;
  uint64_t life_;
};

class SimFileSystem::Held final : public FileLock {
 public:
  Held(SimFileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)), life_(fs.life_) {}
  ~Held() override {
    std::lock_guard lock(fs_.mutex_);
    if (life_ == fs_.life_) fs_.locks_.erase(path_);
  }

 private:
  SimFileSystem& fs_;
  std::string path_;
  uint64_t life_;
};

SimFileSystem::SimFileSystem(uint64_t seed) : root_(std::make_shared<Node>(true)), random_(seed) {}
SimFileSystem::~SimFileSystem() = default;

uint64_t SimFileSystem::operations() const {
  std::lock_guard lock(mutex_);
  return history_.size();
}

std::vector<SimFileSystem::Operation> SimFileSystem::History() const {
  std::lock_guard lock(mutex_);
  return history_;
}

void SimFileSystem::CutPowerAt(uint64_t number) {
  std::lock_guard lock(mutex_);
  cut_at_ = number;
}

void SimFileSystem::CutPower() {
  std::lock_guard lock(mutex_);
  power_is_off_ = true;
}

bool SimFileSystem::power_is_off() const {
  std::lock_guard lock(mutex_);
  return power_is_off_;
}

void SimFileSystem::FailAt(uint64_t number, ErrorCode code) {
  std::lock_guard lock(mutex_);
  fail_at_ = number;
  fail_code_ = code;
}

void SimFileSystem::ShortenWriteAt(uint64_t number) {
  std::lock_guard lock(mutex_);
  shorten_at_ = number;
}

void SimFileSystem::IgnoreSyncs(std::function<bool(const Operation&)> ignored) {
  std::lock_guard lock(mutex_);
  ignored_ = std::move(ignored);
}

void SimFileSystem::SetDiskBytes(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  disk_bytes_ = bytes;
}

uint64_t SimFileSystem::used_bytes() const {
  std::lock_guard lock(mutex_);
  return used_bytes_;
}

Status SimFileSystem::FlipBit(const std::string& path, uint64_t byte, int bit) {
  std::lock_guard lock(mutex_);
  MR_ASSIGN(const NodePtr node, FindFile(path));
  if (byte >= node->now.size())
    return Fail(ErrorCode::kInvalidArgument, "{} has no byte {}", path, byte);
  const auto mask = static_cast<char>(1 << bit);
  node->now[byte] = static_cast<char>(node->now[byte] ^ mask);
  if (byte < node->durable.size()) node->durable[byte] = node->now[byte];
  return {};
}

Status SimFileSystem::CheckPower() const {
  if (power_is_off_) return Fail(ErrorCode::kIo, "the power is off");
  return {};
}

Result<SimFileSystem::Verdict> SimFileSystem::Count(Op op, const std::string& path, SyncSite site) {
  MR_TRY(CheckPower());
  history_.push_back({op, path, site});
  if (history_.size() == fail_at_)
    return Fail(fail_code_, "{}: operation {} fails as planned", path, fail_at_);
  return history_.size() == cut_at_ ? Verdict::kPowerGoes : Verdict::kGo;
}

std::unexpected<Error> SimFileSystem::CutNow(const std::string& path) {
  power_is_off_ = true;
  return Fail(ErrorCode::kIo, "{}: the power went during operation {}", path, history_.size());
}

SimFileSystem::NodePtr SimFileSystem::Find(const std::string& path) const {
  NodePtr node = root_;
  for (size_t begin = 0; begin < path.size() && node != nullptr;) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty() || name == ".") continue;
    const auto found = node->names.find(name);
    node = found == node->names.end() ? nullptr : found->second;
  }
  return node;
}

Result<SimFileSystem::Place> SimFileSystem::FindPlace(const std::string& path) const {
  NodePtr folder = Find(FolderOf(path));
  if (folder == nullptr || !folder->is_folder)
    return Fail(ErrorCode::kNotFound, "{}: its folder does not exist", path);
  return Place{std::move(folder), FileNameOf(path)};
}

Result<SimFileSystem::NodePtr> SimFileSystem::FindFile(const std::string& path) const {
  NodePtr node = Find(path);
  if (node == nullptr) return Fail(ErrorCode::kNotFound, "{} does not exist", path);
  if (node->is_folder) return Fail(ErrorCode::kIo, "{} is a folder", path);
  return node;
}

void SimFileSystem::SetEntry(const Place& at, NodePtr node, const std::string& erased) {
  Node::NameChange change{at.name, std::move(node), erased};
  Node::Apply(at.folder->names, change);
  at.folder->unsynced_names.push_back(std::move(change));
  at.folder->modified_us = ++modified_us_;
}

Status SimFileSystem::WriteAt(const std::string& path, uint64_t offset, std::string_view bytes) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  MR_ASSIGN(const NodePtr node, FindFile(path));
  return WriteTo(*node, path, offset, bytes);
}

Status SimFileSystem::WriteTo(Node& node, const std::string& path, uint64_t offset,
                              std::string_view bytes) {
  MR_ASSIGN(const Verdict verdict, Count(Op::kAppend, path));
  const uint64_t room = disk_bytes_ - std::min(disk_bytes_, used_bytes_);
  const bool shorten = shorten_at_ != 0 && history_.size() >= shorten_at_;
  // What overwrites needs no room.
  const uint64_t old = node.now.size();
  const uint64_t reach = old > offset ? old - offset + room : room - std::min(room, offset - old);
  const uint64_t fits = std::min<uint64_t>(shorten ? bytes.size() / 2 : bytes.size(), reach);
  Node::Write write{offset, std::string(bytes.substr(0, fits))};
  Node::Apply(node.now, write);
  node.unsynced.push_back(std::move(write));
  node.modified_us = ++modified_us_;
  used_bytes_ += node.now.size() - old;
  if (shorten) shorten_at_ = 0;
  if (verdict == Verdict::kPowerGoes) return CutNow(path);
  if (fits < bytes.size()) {
    return Fail(ErrorCode::kResourceExhausted,
                "cannot write {}: No space left on device ({} of {})", path, fits, bytes.size());
  }
  return {};
}

Status SimFileSystem::TruncateTo(Node& node, const std::string& path, uint64_t size) {
  MR_ASSIGN(const Verdict verdict, Count(Op::kTruncate, path));
  used_bytes_ = used_bytes_ - node.now.size() + size;
  Node::Write write{size, {}, true};
  Node::Apply(node.now, write);
  node.unsynced.push_back(std::move(write));
  node.modified_us = ++modified_us_;
  if (verdict == Verdict::kPowerGoes) return CutNow(path);
  return {};
}

Status SimFileSystem::SyncNode(Node& node, const std::string& path, Op op, SyncSite site) {
  MR_ASSIGN(const Verdict verdict, Count(op, path, site));
  if (verdict == Verdict::kPowerGoes) {
    if (random_.Next() % 2 == 0) node.Settle();
    return CutNow(path);
  }
  if (ignored_ && ignored_(history_.back())) {
    node.Forget();
    return {};
  }
  node.Settle();
  return {};
}

Result<std::unique_ptr<WritableFile>> SimFileSystem::OpenForWrite(const std::string& path,
                                                                  OpenMode mode) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  MR_ASSIGN(const Place place, FindPlace(path));
  NodePtr node = Find(path);
  if (node == nullptr) {
    if (mode == OpenMode::kAppend)
      return Fail(ErrorCode::kNotFound, "cannot open {}: it does not exist", path);
    MR_ASSIGN(const Verdict verdict, Count(Op::kCreate, path));
    node = std::make_shared<Node>(false);
    node->modified_us = ++modified_us_;
    SetEntry(place, node, "");
    if (verdict == Verdict::kPowerGoes) return CutNow(path);
  } else if (node->is_folder) {
    return Fail(ErrorCode::kIo, "cannot open {}: it is a folder", path);
  } else if (mode == OpenMode::kCreateNew) {
    return Fail(ErrorCode::kAlreadyExists, "cannot open {}: it exists", path);
  } else if (mode == OpenMode::kTruncate) {
    MR_TRY(TruncateTo(*node, path, 0));
  }
  return std::make_unique<Writer>(*this, path, std::move(node));
}

Result<std::unique_ptr<ReadableFile>> SimFileSystem::OpenForRead(const std::string& path) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  MR_ASSIGN(NodePtr node, FindFile(path));
  return std::make_unique<Reader>(*this, path, std::move(node));
}

Status SimFileSystem::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  MR_ASSIGN(const Place source, FindPlace(from));
  MR_ASSIGN(const Place target, FindPlace(to));
  const NodePtr node = Find(from);
  if (node == nullptr) return Fail(ErrorCode::kNotFound, "cannot rename {}: no such name", from);
  if (from == to) return {};
  MR_ASSIGN(const Verdict verdict, Count(Op::kRename, to));
  if (const NodePtr old = Find(to); old != nullptr && !old->is_folder)
    used_bytes_ -= old->now.size();
  if (source.folder == target.folder) {
    SetEntry(target, node, source.name);
  } else {
    SetEntry(target, node, "");
    SetEntry(source, nullptr, "");
  }
  if (verdict == Verdict::kPowerGoes) return CutNow(to);
  return {};
}

Status SimFileSystem::Link(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  MR_ASSIGN(const NodePtr node, FindFile(from));
  MR_ASSIGN(const Place target, FindPlace(to));
  if (Find(to) != nullptr) return Fail(ErrorCode::kAlreadyExists, "cannot link {}: it exists", to);
  MR_ASSIGN(const Verdict verdict, Count(Op::kLink, to));
  SetEntry(target, node, "");
  used_bytes_ += node->now.size();
  if (verdict == Verdict::kPowerGoes) return CutNow(to);
  return {};
}

Status SimFileSystem::RemoveFile(const std::string& path) {
  std::lock_guard lock(mutex_);
  MR_ASSIGN(const NodePtr node, FindFile(path));
  MR_ASSIGN(const Place place, FindPlace(path));
  MR_ASSIGN(const Verdict verdict, Count(Op::kRemove, path));
  SetEntry(place, nullptr, "");
  used_bytes_ -= node->now.size();
  if (verdict == Verdict::kPowerGoes) return CutNow(path);
  return {};
}

Status SimFileSystem::RemoveFolder(const std::string& path) {
  std::lock_guard lock(mutex_);
  const NodePtr node = Find(path);
  if (node == nullptr || !node->is_folder)
    return Fail(ErrorCode::kNotFound, "cannot remove folder {}: no such folder", path);
  if (!node->names.empty())
    return Fail(ErrorCode::kIo, "cannot remove folder {}: Directory not empty", path);
  MR_ASSIGN(const Place place, FindPlace(path));
  MR_ASSIGN(const Verdict verdict, Count(Op::kRemove, path));
  SetEntry(place, nullptr, "");
  if (verdict == Verdict::kPowerGoes) return CutNow(path);
  return {};
}

Status SimFileSystem::CreateFolders(const std::string& path) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string prefix = path.substr(0, slash);
    const NodePtr node = Find(prefix);
    if (node == nullptr) {
      MR_ASSIGN(const Place place, FindPlace(prefix));
      MR_ASSIGN(const Verdict verdict, Count(Op::kMakeFolder, prefix));
      SetEntry(place, std::make_shared<Node>(true), "");
      if (verdict == Verdict::kPowerGoes) return CutNow(prefix);
    } else if (!node->is_folder) {
      return Fail(ErrorCode::kAlreadyExists, "{} exists and is not a folder", prefix);
    }
    if (slash == std::string::npos) return {};
  }
}

Status SimFileSystem::SyncFolder(const std::string& path, SyncSite site) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  const NodePtr node = Find(path);
  if (node == nullptr || !node->is_folder)
    return Fail(ErrorCode::kNotFound, "cannot sync folder {}: no such folder", path);
  return SyncNode(*node, path, Op::kSyncFolder, site);
}

Result<std::vector<FolderEntry>> SimFileSystem::List(const std::string& path) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  const NodePtr node = Find(path);
  if (node == nullptr || !node->is_folder)
    return Fail(ErrorCode::kNotFound, "cannot list {}: no such folder", path);
  std::vector<FolderEntry> entries;
  for (const auto& [name, child] : node->names)
    entries.push_back({name, child->is_folder, child->now.size()});
  return entries;
}

bool SimFileSystem::Exists(const std::string& path) {
  std::lock_guard lock(mutex_);
  return !power_is_off_ && Find(path) != nullptr;
}

Result<uint64_t> SimFileSystem::FileSize(const std::string& path) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  MR_ASSIGN(const NodePtr node, FindFile(path));
  return uint64_t{node->now.size()};
}

Result<int64_t> SimFileSystem::ModifiedUs(const std::string& path) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  const NodePtr node = Find(path);
  if (node == nullptr) return Fail(ErrorCode::kNotFound, "{} does not exist", path);
  return node->modified_us;
}

Result<std::unique_ptr<FileLock>> SimFileSystem::Lock(const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    MR_TRY(CheckPower());
    if (!locks_.insert(path).second)
      return Fail(ErrorCode::kUnavailable, "{} is held by process 1", path);
  }
  std::unique_ptr<FileLock> held = std::make_unique<Held>(*this, path);
  MR_TRY(OpenForWrite(path, OpenMode::kCreateOrAppend));
  return held;
}

Result<uint64_t> SimFileSystem::FreeBytes(const std::string&) {
  std::lock_guard lock(mutex_);
  MR_TRY(CheckPower());
  return disk_bytes_ - std::min(disk_bytes_, used_bytes_);
}

uint64_t SimFileSystem::UsedBytes(const Node& node, std::set<const Node*>& seen) const {
  if (!seen.insert(&node).second) return 0;
  uint64_t bytes = node.now.size();
  for (const auto& [name, child] : node.names) bytes += UsedBytes(*child, seen);
  return bytes;
}

void SimFileSystem::Restart(Loss loss) {
  std::lock_guard lock(mutex_);
  if (loss != Loss::kNothing) {
    std::set<Node*> seen;
    LoseUnsynced(*root_, loss, seen);
  }
  ++life_;
  power_is_off_ = false;
  history_.clear();
  cut_at_ = fail_at_ = shorten_at_ = 0;
  disk_bytes_ = UINT64_MAX;
  ignored_ = nullptr;
  locks_.clear();
  std::set<const Node*> counted;
  used_bytes_ = UsedBytes(*root_, counted);
}

}  // namespace millrace::io
