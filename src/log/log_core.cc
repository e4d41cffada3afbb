#include "log/log_core.h"

#include <cstdlib>

#include "base/logging.h"

namespace millrace::log {
namespace {

constexpr int64_t kProducerIdBlock = 1'000'000;

Uuid NewTopicId() {
  io::SeededRandom random(io::SystemSeed());
  const uint64_t high = random.Next();
  return Uuid::FromRandom(high, random.Next());
}

}  // namespace

void Notifier::Notify() {
  // Taken so that nobody between its check and its wait misses the call.
  {
    std::lock_guard lock(mutex_);
  }
  changed_.notify_all();
}

LogCore::LogCore(LogOptions options, io::FileSystem& fs, io::Clock& clock)
    : options_(std::move(options)),
      fs_(fs),
      clock_(clock),
      context_{fs, clock, options_, [this](const Error& error) { Fatal(error); }, counters_} {}

LogCore::~LogCore() = default;

void LogCore::Fatal(const Error& error) {
  if (dead_.exchange(true)) return;
  logging::Error("log.sync_failed", {{"error", error.ToString()}});
  if (!options_.on_fatal) std::abort();
  options_.on_fatal(error);
}

Status LogCore::alive() const {
  if (dead_) return Fail(ErrorCode::kIo, "the log stopped: a sync failed earlier");
  return {};
}

std::string LogCore::FolderOfTopic(const std::string& name) const {
  return io::JoinPath(options_.folder, name);
}

Status LogCore::Open() {
  MR_TRY(io::CreateFoldersDurably(fs_, options_.folder));
  MR_ASSIGN(folder_lock_, fs_.Lock(io::JoinPath(options_.folder, "lock")));
  // A killed process leaves names that are not durable yet, and what is found now is built upon.
  MR_TRY(fs_.SyncFolder(options_.folder));
  MR_TRY(LoadCatalog());
  MR_TRY(FinishDeletions());
  for (const auto& [name, info] : catalog_.topics) {
    auto topic = std::make_shared<Topic>();
    topic->info = info;
    for (int32_t p = 0; p < info.spec.partitions; ++p)
      topic->partitions.push_back(OpenPartition(*topic, p));
    topics_[name] = std::move(topic);
  }
  next_producer_id_ = producer_ids_end_ = catalog_.next_producer_id;
  RecountDiskBytes();
  syncer_ = std::make_unique<Syncer>(options_.sync_threads);
  return {};
}

Status LogCore::LoadCatalog() {
  const std::string path = io::JoinPath(options_.folder, kCatalogFile);
  if (fs_.Exists(path)) {
    MR_ASSIGN(const std::string bytes, io::ReadWholeFile(fs_, path));
    auto catalog = TopicCatalog::Decode(bytes);
    if (!catalog) return std::unexpected(std::move(catalog).error().WithContext(path));
    catalog_ = std::move(*catalog);
    return {};
  }
  // Without a catalog a folder with records is not empty: it has lost it.
  MR_ASSIGN(const auto entries, fs_.List(options_.folder));
  for (const io::FolderEntry& entry : entries) {
    if (!entry.is_folder || ClearLeftovers(entry.name)) continue;
    return Fail(ErrorCode::kDamaged, "{} is missing, but folder {} holds records", path,
                entry.name);
  }
  return {};
}

Status LogCore::StoreCatalog(const TopicCatalog& catalog) {
  MR_TRY(alive());
  return io::WriteFileAtomically(fs_, io::JoinPath(options_.folder, kCatalogFile),
                                 catalog.Encode());
}

Status LogCore::FinishDeletions() {
  if (catalog_.deleting.empty()) return {};
  for (const auto& [name, id] : catalog_.deleting) MR_TRY(io::RemoveTree(fs_, FolderOfTopic(name)));
  MR_TRY(fs_.SyncFolder(options_.folder));
  TopicCatalog cleared = catalog_;
  cleared.deleting.clear();
  MR_TRY(StoreCatalog(cleared));
  catalog_ = std::move(cleared);
  return {};
}

std::shared_ptr<Partition> LogCore::OpenPartition(const Topic& topic, int32_t number) {
  const std::string folder =
      io::JoinPath(FolderOfTopic(topic.info.spec.name), std::to_string(number));
  auto partition = Partition::Open(context_, {topic.info.spec.name, PartitionId(number)}, folder,
                                   topic.info.spec);
  partition->OnProgress([notifier = topic.notifier] { notifier->Notify(); });
  return partition;
}

// A crash between the folders and the catalog leaves folders without records: they may go.
Status LogCore::ClearLeftovers(const std::string& topic) {
  const std::string folder = FolderOfTopic(topic);
  if (!fs_.Exists(folder)) return {};
  MR_ASSIGN(const auto partitions, fs_.List(folder));
  for (const io::FolderEntry& partition : partitions) {
    MR_ASSIGN(const auto files, fs_.List(io::JoinPath(folder, partition.name)));
    for (const io::FolderEntry& file : files) {
      if (file.name.ends_with(".log") && file.size > 0) {
        return Fail(ErrorCode::kAlreadyExists, "{}/{} holds records of a topic of that name",
                    folder, partition.name);
      }
    }
  }
  return io::RemoveTree(fs_, folder);
}

Status LogCore::MakeFolders(const std::string& topic, int32_t first, int32_t count) {
  const std::string folder = FolderOfTopic(topic);
  for (int32_t p = first; p < count; ++p)
    MR_TRY(fs_.CreateFolders(io::JoinPath(folder, std::to_string(p))));
  return fs_.SyncFolder(folder);
}

Status LogCore::CreateTopics(std::span<const TopicSpec> specs) {
  if (specs.empty()) return {};
  std::lock_guard lock(topics_mutex_);
  TopicCatalog changed = catalog_;
  for (const TopicSpec& spec : specs) {
    MR_TRY(CheckTopicSpec(spec));
    if (!changed.topics.emplace(spec.name, TopicInfo{spec, NewTopicId()}).second)
      return Fail(ErrorCode::kAlreadyExists, "topic {} exists", spec.name);
  }
  MR_TRY(FinishDeletions());
  changed.deleting = catalog_.deleting;
  for (const TopicSpec& spec : specs) {
    MR_TRY(ClearLeftovers(spec.name));
    MR_TRY(MakeFolders(spec.name, 0, spec.partitions));
  }
  MR_TRY(fs_.SyncFolder(options_.folder));
  MR_TRY(StoreCatalog(changed));
  catalog_ = std::move(changed);
  for (const TopicSpec& spec : specs) {
    auto topic = std::make_shared<Topic>();
    topic->info = catalog_.topics.at(spec.name);
    for (int32_t p = 0; p < spec.partitions; ++p)
      topic->partitions.push_back(OpenPartition(*topic, p));
    topics_[spec.name] = std::move(topic);
  }
  return {};
}

Status LogCore::AlterTopic(const TopicSpec& spec) {
  MR_TRY(CheckTopicSpec(spec));
  std::lock_guard lock(topics_mutex_);
  const auto found = topics_.find(spec.name);
  if (found == topics_.end()) return Fail(ErrorCode::kNotFound, "no topic {}", spec.name);
  const int32_t before = found->second->info.spec.partitions;
  if (spec.partitions < before) {
    return Fail(ErrorCode::kInvalidArgument, "topic {} has {} partitions, they cannot become {}",
                spec.name, before, spec.partitions);
  }
  // The topic's own name is durable since it was made.
  if (spec.partitions > before) MR_TRY(MakeFolders(spec.name, before, spec.partitions));
  auto topic = std::make_shared<Topic>(*found->second);
  topic->info.spec = spec;
  TopicCatalog changed = catalog_;
  changed.topics[spec.name] = topic->info;
  MR_TRY(StoreCatalog(changed));
  catalog_ = std::move(changed);
  for (const auto& partition : topic->partitions) partition->SetSpec(spec);
  for (int32_t p = before; p < spec.partitions; ++p)
    topic->partitions.push_back(OpenPartition(*topic, p));
  found->second = std::move(topic);
  return {};
}

Status LogCore::DeleteTopic(const std::string& name) {
  std::lock_guard lock(topics_mutex_);
  const auto found = topics_.find(name);
  if (found == topics_.end()) return Fail(ErrorCode::kNotFound, "no topic {}", name);
  TopicCatalog changed = catalog_;
  changed.topics.erase(name);
  changed.deleting[name] = found->second->info.id;
  MR_TRY(StoreCatalog(changed));
  catalog_ = std::move(changed);
  for (const auto& partition : found->second->partitions) partition->Retire();
  found->second->notifier->Notify();
  topics_.erase(found);
  return FinishDeletions();
}

Result<std::shared_ptr<const Topic>> LogCore::FindTopic(const std::string& name) const {
  std::lock_guard lock(topics_mutex_);
  const auto found = topics_.find(name);
  if (found == topics_.end()) return Fail(ErrorCode::kNotFound, "no topic {}", name);
  return found->second;
}

Result<std::shared_ptr<Partition>> LogCore::FindPartition(const std::string& topic,
                                                          PartitionId partition) const {
  MR_ASSIGN(const auto found, FindTopic(topic));
  if (partition.value < 0 || partition.value >= std::ssize(found->partitions))
    return Fail(ErrorCode::kNotFound, "topic {} has no partition {}", topic, partition);
  return found->partitions[static_cast<size_t>(partition.value)];
}

std::vector<std::shared_ptr<const Topic>> LogCore::Topics() const {
  std::lock_guard lock(topics_mutex_);
  std::vector<std::shared_ptr<const Topic>> topics;
  for (const auto& [name, topic] : topics_) topics.push_back(topic);
  return topics;
}

std::vector<std::shared_ptr<Partition>> LogCore::Partitions() const {
  std::vector<std::shared_ptr<Partition>> partitions;
  for (const auto& topic : Topics())
    partitions.insert(partitions.end(), topic->partitions.begin(), topic->partitions.end());
  return partitions;
}

Result<Producer> LogCore::NewProducer() {
  std::lock_guard lock(topics_mutex_);
  if (next_producer_id_ == producer_ids_end_) {
    TopicCatalog changed = catalog_;
    changed.next_producer_id += kProducerIdBlock;
    MR_TRY(StoreCatalog(changed));
    catalog_ = std::move(changed);
    producer_ids_end_ = catalog_.next_producer_id;
  }
  return Producer{ProducerId(next_producer_id_++), ProducerEpoch(0)};
}

TopicCatalog LogCore::catalog() const {
  std::lock_guard lock(topics_mutex_);
  return catalog_;
}

Status LogCore::CheckRecord(const flow::OutRecord& record) const {
  size_t bytes = (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const flow::Header& header : record.headers)
    bytes += header.key.size() + header.value.size();
  const size_t bytes_max = options_.batch_bytes_max / 2;
  if (bytes <= bytes_max) return {};
  return Fail(ErrorCode::kInvalidArgument, "a record of {} bytes is too large, {} are allowed",
              bytes, bytes_max);
}

Status LogCore::CheckBudget(uint64_t bytes) {
  MR_TRY(alive());
  const uint64_t budget = options_.disk_budget_bytes;
  if (disk_bytes_ + bytes <= budget || RecountDiskBytes() + bytes <= budget) return {};
  return std::unexpected(
      Error{ErrorCode::kResourceExhausted,
            fmt::format("the log holds {} bytes of its budget of {}, {} more do not fit",
                        disk_bytes_.load(), budget, bytes),
            "raise the disk budget or lower the retention; reading goes on meanwhile"});
}

uint64_t LogCore::RecountDiskBytes() {
  uint64_t bytes = 0;
  for (const auto& partition : Partitions()) bytes += partition->disk_bytes();
  disk_bytes_ = bytes;
  return bytes;
}

Status LogCore::Flush() {
  MR_TRY(alive());
  std::vector<Syncer::Target> targets;
  for (const auto& partition : Partitions()) {
    if (partition->needs_sync()) targets.push_back({partition, partition->offsets().end});
  }
  return syncer_->Wait(targets);
}

}  // namespace millrace::log
