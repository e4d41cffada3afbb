#include "engine/stream/driver.h"

#include <algorithm>

#include "base/hash.h"
#include "base/logging.h"
#include "engine/stream/watermark.h"

namespace millrace::engine {
namespace {

constexpr int64_t kLongestSleepNs = 1'000'000'000;
constexpr size_t kReadBytesMax = size_t{2} << 20;
constexpr size_t kReadBytesMin = size_t{64} << 10;

}  // namespace

Driver::Driver(const QuerySpec& spec, const QueryWorld& world, Committer& committer,
               ProgressBoard& board)
    : spec_(spec),
      world_(world),
      committer_(committer),
      board_(board),
      definition_hash_(DefinitionHash(spec)),
      pacer_(spec.settings.epoch_interval_min, spec.settings.epoch_interval_max) {}

Result<std::unique_ptr<Driver>> Driver::Make(const QuerySpec& spec, const QueryWorld& world,
                                             Committer& committer, ProgressBoard& board) {
  std::unique_ptr<Driver> driver(new Driver(spec, world, committer, board));
  MR_ASSIGN(StreamProgram program, StreamProgram::Compile(spec.plan));
  MR_ASSIGN(driver->runner_, EpochRunner::Make(spec, std::move(program)));
  for (const std::string& topic : driver->runner_->program().topics) {
    if (!world.sources.contains(topic)) {
      return Fail(ErrorCode::kInvalidArgument, "query {} reads topic {}, which has no source",
                  spec.name, topic);
    }
  }
  MR_TRY(driver->OpenLookups());
  return driver;
}

Status Driver::OpenLookups() {
  for (const sql::Plan* node : runner_->program().lookups) {
    if (!world_.lookups) {
      return Fail(ErrorCode::kInvalidArgument, "query {} looks up {}, but look-ups are not wired",
                  spec_.name, node->relation.name);
    }
    MR_ASSIGN(auto source, world_.lookups(*node));
    lookups_.push_back(std::move(source));
  }
  return {};
}

// ---------------------------------------------------------------- positions

Status Driver::AddPartitions(bool is_new_query) {
  for (const std::string& topic : runner_->program().topics) {
    flow::Source* source = world_.sources.at(topic);
    for (int32_t number = 0; number < source->partition_count(); ++number) {
      const flow::TopicPartition at{topic, PartitionId(number)};
      const auto found = std::ranges::lower_bound(positions_, at, {}, &flow::Position::at);
      const auto index = found - positions_.begin();
      if (found == positions_.end() || found->at != at) {
        MR_ASSIGN(const flow::OffsetRange range, source->Readable(at.partition));
        flow::Position position;
        position.at = at;
        position.next = is_new_query && spec_.settings.from_latest ? range.end : range.begin;
        positions_.insert(found, position);
        readings_.insert(readings_.begin() + index, Reading());
      }
      Reading& reading = readings_[static_cast<size_t>(index)];
      if (reading.source == nullptr) {
        reading.source = source;
        reading.quiet_since_ns = world_.time->MonotonicNs();
      }
    }
  }
  return {};
}

// Asks each topic for one cut: a transaction is in all of its partitions or in none, so that no
// partition seems idle while another has records that came together with what it waits for.
Status Driver::AskReadable() {
  const int64_t now_ns = world_.time->MonotonicNs();
  std::map<std::string_view, std::vector<flow::PartitionCut>> cuts;
  for (const std::string& topic : runner_->program().topics) {
    MR_ASSIGN(cuts[topic], world_.sources.at(topic)->Cut());
  }
  std::map<flow::TopicPartition, Offset> ends;
  for (size_t i = 0; i < positions_.size(); ++i) {
    const flow::Position& position = positions_[i];
    const flow::PartitionCut& cut =
        cuts.at(position.at.topic).at(static_cast<size_t>(position.at.partition.value));
    const Offset end = cut.readable.end;
    if (end < position.next) {
      return std::unexpected(Error{
          ErrorCode::kDamaged,
          fmt::format("query {} has read {}/{} up to offset {}, but the log ends at {}", spec_.name,
                      position.at.topic, position.at.partition, position.next, end),
          "the log was replaced or cut: restore it, or drop the query's state"});
    }
    readings_[i].end = end;
    readings_[i].unread = end > position.next || cut.pending;
    if (readings_[i].unread) readings_[i].quiet_since_ns = now_ns;
    ends[position.at] = end;
  }
  board_.NoteReadable(ends);
  return {};
}

// Idle: read to the end, nothing on its way, and quiet for the time-out. Written into the intent,
// so it is decided once.
void Driver::MarkIdle(int64_t now_ns) {
  const int64_t timeout_ns = std::chrono::nanoseconds(spec_.settings.idle_timeout).count();
  for (size_t i = 0; i < positions_.size(); ++i) {
    positions_[i].idle = !readings_[i].unread && now_ns - readings_[i].quiet_since_ns >= timeout_ns;
  }
}

// ---------------------------------------------------------------- live epochs

bool Driver::HasRecords() const {
  for (size_t i = 0; i < positions_.size(); ++i) {
    if (readings_[i].end > positions_[i].next) return true;
  }
  return false;
}

// Whether partitions that fell idle let the watermark pass an open window's end.
bool Driver::IdlenessCloses(int64_t now_ns) {
  if (runner_->window() == nullptr) return false;
  MarkIdle(now_ns);
  return NextWatermark() >= runner_->window()->NextClose();
}

int64_t Driver::NextWatermark() const {
  return std::max(AdvanceWatermark(watermark_us_, positions_), watermark_min_us_.load());
}

void Driver::ArmWatch() {
  std::vector<std::vector<Offset>> seen;
  for (const std::string& topic : runner_->program().topics) {
    std::vector<Offset>& offsets = seen.emplace_back();
    for (size_t i = 0; i < positions_.size(); ++i) {
      if (positions_[i].at.topic == topic) offsets.push_back(readings_[i].end);
    }
  }
  watch_->Arm(std::move(seen));
}

void Driver::Sleep(int64_t until_ns) {
  const int64_t begun_ns = world_.time->MonotonicNs();
  std::unique_lock lock(mutex_);
  if (!woken_ && !stopping_ && until_ns > begun_ns)
    world_.time->WaitFor(wake_, lock, std::chrono::nanoseconds(until_ns - begun_ns));
  woken_ = false;
  lock.unlock();
  board_.NoteTime(world_.time->MonotonicNs() - begun_ns, 0);
}

Result<bool> Driver::AwaitCut() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      woken_ = false;
    }
    if (const auto failure = committer_.Failure()) return std::unexpected(*failure);
    MR_TRY(AddPartitions(false));
    MR_TRY(AskReadable());
    const int64_t now_ns = world_.time->MonotonicNs();
    if (HasRecords()) {
      if (now_ns >= pacer_.NotBefore()) return true;
      Sleep(pacer_.NotBefore());
      continue;
    }
    if (watermark_min_us_ > watermark_us_ || IdlenessCloses(now_ns)) return true;
    ArmWatch();
    Sleep(now_ns + kLongestSleepNs);
  }
}

EpochFrame Driver::FrameOf(EpochId epoch) const {
  EpochFrame frame;
  frame.epoch = epoch;
  frame.now = world_.time->Now();
  // Of the query, not of the epoch: rand() of a row must not change with the cuts (invariant 6).
  frame.seed = Hash64(spec_.name);
  frame.positions = positions_;
  frame.watermark_us = NextWatermark();
  return frame;
}

Status Driver::CutEpoch() {
  const int64_t cut_ns = world_.time->MonotonicNs();
  MarkIdle(cut_ns);
  EpochFrame frame = FrameOf(epoch_ + 1);
  MR_ASSIGN(frame.lookups, CurrentLookups());
  ForgetVersions(frame.epoch, frame.lookups);

  flow::EpochIntent intent;
  intent.query = spec_.name;
  intent.epoch = frame.epoch;
  intent.plan_hash = definition_hash_;
  intent.now = frame.now;
  intent.seed = frame.seed;
  intent.watermark_us = frame.watermark_us;
  for (size_t i = 0; i < lookups_.size(); ++i) {
    intent.lookups.push_back(
        {runner_->program().lookups[i]->relation.name, frame.lookups[i]->version()});
  }
  const std::vector<flow::Position> start = frame.positions;
  runner_->Begin(std::move(frame));
  MR_ASSIGN(const bool full, ReadLive(start));
  for (size_t i = 0; i < start.size(); ++i) intent.ranges.push_back({start[i], ends_[i]});
  // Its sync goes on while the workers do theirs; the committer awaits it.
  ReadyEpoch ready;
  MR_ASSIGN(ready.ticket, world_.intents->Append(intent));
  MR_ASSIGN(ready.output, runner_->Finish());
  ready.output.write.progress.plan_hash = definition_hash_;
  ready.cut_ns = cut_ns;

  epoch_ = intent.epoch;
  positions_ = ready.output.write.progress.positions;
  watermark_us_ = ready.output.write.progress.watermark_us;
  pacer_.Note(cut_ns, ready.output.records_in, full);
  board_.NoteTime(0, world_.time->MonotonicNs() - cut_ns);
  return committer_.Submit(std::move(ready));
}

// Reads what the partitions have, in turn, up to the epoch's bytes; sets `ends_`. True: there was
// more.
Result<bool> Driver::ReadLive(const std::vector<flow::Position>& start) {
  ends_.clear();
  size_t active = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    ends_.push_back(start[i].next);
    if (readings_[i].end > start[i].next) ++active;
  }
  const size_t budget = spec_.settings.epoch_bytes_max;
  const size_t read_bytes =
      std::clamp(budget / std::max<size_t>(active, 1), std::min(kReadBytesMin, budget),
                 std::min(kReadBytesMax, budget));
  size_t bytes = 0;
  while (active > 0 && bytes < budget) {
    active = 0;
    for (size_t i = 0; i < start.size() && bytes < budget; ++i) {
      if (readings_[i].end <= ends_[i]) continue;
      MR_ASSIGN(flow::RecordBlock block, readings_[i].source->Read(start[i].at.partition, ends_[i],
                                                                   readings_[i].end, read_bytes));
      block.next = std::min(block.next, readings_[i].end);
      if (block.next <= ends_[i]) {
        return Fail(ErrorCode::kInternal, "{}/{}: reading at offset {} does not get further",
                    start[i].at.topic, start[i].at.partition, ends_[i]);
      }
      bytes += block.bytes;
      ends_[i] = block.next;
      runner_->Add(i, std::move(block));
      if (ends_[i] < readings_[i].end) ++active;
    }
  }
  return active > 0 || bytes >= budget;
}

Result<std::vector<LookupTablePtr>> Driver::CurrentLookups() {
  std::vector<LookupTablePtr> tables;
  for (const auto& lookup : lookups_) {
    MR_ASSIGN(auto table, lookup->Current());
    tables.push_back(std::move(table));
  }
  return tables;
}

// Lets go of versions that only flushed epochs used.
void Driver::ForgetVersions(EpochId epoch, const std::vector<LookupTablePtr>& tables) {
  std::vector<uint64_t> versions;
  for (const LookupTablePtr& table : tables) versions.push_back(table->version());
  if (versions_.empty() || versions_.back().second != versions)
    versions_.emplace_back(epoch, versions);
  if (versions_.size() < 2) return;
  const auto flushed = world_.store->FlushedProgress(spec_.name);
  if (!flushed.has_value()) return;
  bool dropped = false;
  while (versions_.size() > 1 && versions_[1].first <= flushed->epoch + 1) {
    versions_.pop_front();
    dropped = true;
  }
  if (!dropped) return;
  for (size_t i = 0; i < lookups_.size(); ++i) {
    std::vector<uint64_t> kept;
    for (const auto& entry : versions_) kept.push_back(entry.second[i]);
    lookups_[i]->Keep(kept);
  }
}

Status Driver::Run() {
  std::vector<flow::Source*> sources;
  for (const std::string& topic : runner_->program().topics)
    sources.push_back(world_.sources.at(topic));
  watch_ = std::make_unique<ArrivalWatch>(std::move(sources), [this] { Wake(); });
  while (true) {
    MR_ASSIGN(const bool go_on, AwaitCut());
    if (!go_on) return {};
    MR_TRY(CutEpoch());
  }
}

void Driver::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Driver::RaiseWatermark(int64_t at_least_us) {
  watermark_min_us_ = at_least_us;
  Wake();
}

void Driver::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

}  // namespace millrace::engine
