#include "engine/stream/epoch_runner.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/stream/watermark.h"
#include "flow/dead_letter.h"

namespace millrace::engine {
namespace {

constexpr std::string_view kLateStage = "late";
constexpr std::string_view kEmittedKey = "emitted";

size_t ThreadsOf(const StreamSettings& settings) {
  if (settings.threads > 0) return static_cast<size_t>(settings.threads);
  return std::max(1u, std::thread::hardware_concurrency());
}

// Write times of the block's records: rising, never behind the record's own time.
std::vector<int64_t> WriteTimes(const flow::RecordBlock& block, size_t first, size_t count,
                                int64_t& last_us) {
  std::vector<int64_t> times(count);
  for (size_t i = 0; i < count; ++i) {
    last_us = std::max(last_us + 1, block.records[first + i].timestamp.value * 1000);
    times[i] = last_us;
  }
  return times;
}

// A record that several lines read is refused once for what it is, however many ask.
void DropRepeats(std::vector<Refusal>& refusals) {
  const auto is_of_record = [](const Refusal& refusal) {
    return refusal.stage == "parse" || refusal.stage == "event_time";
  };
  const auto repeats =
      std::unique(refusals.begin(), refusals.end(), [&](const Refusal& a, const Refusal& b) {
        return a.record == b.record && is_of_record(a) && is_of_record(b);
      });
  refusals.erase(repeats, refusals.end());
}

}  // namespace

struct EpochRunner::Work {
  size_t position = 0;
  Chunk chunk;
  WrittenRows written;
  std::vector<flow::OutRecord> dead_letters;
  std::vector<flow::OutRecord> late;
  std::vector<int64_t> event_time_max_us;  // by line; kNoWatermark: none seen
  std::unique_ptr<WindowPartial> partial;
  Status status;
};

EpochRunner::EpochRunner(const QuerySpec& spec, StreamProgram program)
    : spec_(spec), program_(std::move(program)) {}
// Workers may still be at an epoch that an error cut short: they end before what they use.
EpochRunner::~EpochRunner() { pool_.reset(); }

Result<std::unique_ptr<EpochRunner>> EpochRunner::Make(const QuerySpec& spec,
                                                       StreamProgram program) {
  std::unique_ptr<EpochRunner> runner(new EpochRunner(spec, std::move(program)));
  MR_ASSIGN(runner->writer_, ResultWriter::Make(spec));
  if (runner->program_.window != nullptr) {
    MR_ASSIGN(runner->window_, WindowAggregate::Make(*runner->program_.window, spec.settings));
  }
  const size_t workers = ThreadsOf(spec.settings);
  MR_TRY(runner->MakeReaders(workers));
  runner->pool_ = std::make_unique<WorkerPool>(workers);
  return runner;
}

Status EpochRunner::MakeReaders(size_t workers) {
  ScanOptions options;
  options.needs_event_time = window_ != nullptr;
  options.max_future_skew_us = spec_.settings.max_future_skew.count() * 1000;
  readers_.resize(workers);
  for (auto& lines : readers_) {
    for (const Line& line : program_.lines) {
      MR_ASSIGN(auto reader, ScanReader::Make(*line.scan, options));
      lines.push_back(std::move(reader));
    }
  }
  return {};
}

Status EpochRunner::Restore(flow::StateStore& store) {
  if (window_ == nullptr) return {};
  MR_ASSIGN(const auto emitted, store.GetState(spec_.name, kEngineOperator, 0, kEmittedKey));
  if (emitted.has_value()) {
    ByteReader reader(*emitted);
    emitted_us_ = reader.Little<int64_t>();
    if (!reader.ok() || reader.remaining() != 0)
      return Fail(ErrorCode::kDamaged, "query {}: state entry '{}' has {} bytes, not 8", spec_.name,
                  kEmittedKey, emitted->size());
  }
  return window_->Restore(store, spec_.name);
}

void EpochRunner::Begin(EpochFrame frame) {
  frame_ = std::move(frame);
  context_.now_us = frame_.now.value;
  context_.seed = frame_.seed;
  context_.zone = spec_.settings.zone;
  work_.clear();
  after_ = frame_.positions;
  bytes_ = 0;
  skipped_ = 0;
  arrivals_.clear();
}

void EpochRunner::Add(size_t position, flow::RecordBlock block) {
  const std::string_view self = spec_.addressee.empty() ? spec_.name : spec_.addressee;
  skipped_ += std::erase_if(block.records, [&](const flow::RecordView& record) {
    if (record.raw_headers.size() <= 1) return false;  // the count alone, which is 0
    const std::string_view addressee = flow::AddresseeOf(record);
    return !addressee.empty() && addressee != self;
  });
  const auto shared = std::make_shared<const flow::RecordBlock>(std::move(block));
  bytes_ += shared->bytes;
  for (size_t first = 0; first < shared->records.size();) {
    const size_t count = std::min(spec_.settings.chunk_rows_max, shared->records.size() - first);
    AddChunk(position, shared, first, count);
    first += count;
  }
  flow::Position& after = after_[position];
  after.next = shared->next;
  after.idle = false;
}

void EpochRunner::AddChunk(size_t position, const std::shared_ptr<const flow::RecordBlock>& block,
                           size_t first, size_t count) {
  flow::Position& after = after_[position];
  arrivals_.push_back({block->records[first].timestamp, count});
  Work& work = work_.emplace_back();
  work.position = position;
  const auto rank = std::ranges::find(program_.topics, after.at.topic) - program_.topics.begin();
  work.chunk.topic = after.at.topic;
  work.chunk.partition = after.at.partition;
  work.chunk.block = block;
  work.chunk.first = first;
  work.chunk.count = count;
  work.chunk.topic_rank = static_cast<int32_t>(rank);
  work.chunk.write_us = WriteTimes(*block, first, count, after.last_write_us);
  work.event_time_max_us.assign(program_.lines.size(), kNoWatermark);
  pool_->Submit([this, &work](size_t worker) { RunChunk(work, worker); });
}

void EpochRunner::RunChunk(Work& work, size_t worker) {
  std::vector<Refusal> refusals;
  EvalContext context = context_;
  context.seed ^= Hash64(work.chunk.topic);
  ChunkContext chunk_context{work.chunk, context, frame_.lookups, refusals};
  size_t lines_run = 0;
  for (size_t line = 0; line < program_.lines.size() && work.status.has_value(); ++line) {
    if (program_.lines[line].scan->relation.name != work.chunk.topic) continue;
    work.status = RunLine(work, line, worker, chunk_context);
    ++lines_run;
  }
  std::ranges::stable_sort(refusals, {}, [](const Refusal& refusal) {
    return std::pair(refusal.record, refusal.ordinal);
  });
  if (lines_run > 1) DropRepeats(refusals);
  EpochOutput letters;
  TakeLetters(work.chunk, refusals, letters);
  work.dead_letters = std::move(letters.dead_letters);
  work.late = std::move(letters.late);
  work.chunk.block.reset();  // the bytes are needed no longer
}

Status EpochRunner::RunLine(Work& work, size_t number, size_t worker, ChunkContext& context) {
  const Line& line = program_.lines[number];
  Rows rows = readers_[worker][number]->Read(context, work.event_time_max_us[number]);
  const NextOperator last = [&](Rows made) -> Status {
    if (window_ == nullptr) return writer_->Write(std::move(made), context, work.written);
    if (work.partial == nullptr) {
      MR_ASSIGN(work.partial, window_->NewPartial());
    }
    return window_->Add(std::move(made), context, frame_.watermark_us, *work.partial);
  };
  const NextOperator rest = [&](Rows made) {
    return RunOperators(line.operators, 0, std::move(made), context, last);
  };
  if (line.pushed == nullptr) return rest(std::move(rows));
  return line.pushed->Apply(std::move(rows), context, rest);
}

void EpochRunner::TakeLetters(const Chunk& chunk, std::vector<Refusal>& refusals,
                              EpochOutput& output) const {
  for (Refusal& refusal : refusals) {
    const bool is_late = refusal.stage == kLateStage;
    flow::DeadLetter letter;
    letter.origin = {chunk.topic, chunk.partition, Offset(-1),
                     static_cast<int32_t>(refusal.ordinal)};
    if (chunk.block != nullptr) {
      const flow::RecordView& record = chunk.record(refusal.record);
      letter.origin.offset = record.offset;
      if (record.key != nullptr) letter.key = record.key_view();
      if (record.value != nullptr) letter.value = record.value_view();
    }
    letter.query = spec_.name;
    letter.stage = std::move(refusal.stage);
    letter.condition = std::move(refusal.condition);
    letter.message = std::move(refusal.message);
    letter.epoch = frame_.epoch;
    (is_late ? output.late : output.dead_letters).push_back(flow::EncodeDeadLetter(letter));
  }
}

// Puts what one chunk became behind what came before it.
void EpochRunner::Settle(Work& work, EpochOutput& output) {
  output.records_in += work.chunk.count;
  output.rows_out += work.written.rows;
  std::move(work.written.tables.begin(), work.written.tables.end(),
            std::back_inserter(output.write.rows));
  for (size_t i = 0; i < work.written.records.size(); ++i) {
    std::move(work.written.records[i].begin(), work.written.records[i].end(),
              std::back_inserter(output.records[i]));
  }
  std::move(work.dead_letters.begin(), work.dead_letters.end(),
            std::back_inserter(output.dead_letters));
  std::move(work.late.begin(), work.late.end(), std::back_inserter(output.late));

  // A topic read by several lines is as far as the line that is least far.
  flow::Position& after = after_[work.position];
  int64_t watermark_us = INT64_MAX;
  for (size_t i = 0; i < program_.lines.size(); ++i) {
    const sql::Plan& scan = *program_.lines[i].scan;
    if (scan.relation.name != after.at.topic || !HasEventTime(scan)) continue;
    watermark_us = std::min(
        watermark_us,
        PartitionWatermark(after.watermark_us, work.event_time_max_us[i], scan.watermark_delay_us));
  }
  if (watermark_us != INT64_MAX) after.watermark_us = watermark_us;
}

Result<EpochOutput> EpochRunner::Finish() {
  pool_->Finish();
  std::vector<Work*> ordered;
  for (Work& work : work_) {
    MR_TRY(std::move(work.status));
    ordered.push_back(&work);
  }
  std::ranges::stable_sort(ordered, {}, &Work::position);

  EpochOutput output;
  output.records.resize(spec_.topics.size());
  for (Work* work : ordered) {
    Settle(*work, output);
    if (work->partial != nullptr) {
      MR_TRY(window_->Merge(*work->partial));
    }
  }
  flow::Progress& progress = output.write.progress;
  progress.epoch = frame_.epoch;
  progress.positions = after_;
  progress.watermark_us = AdvanceWatermark(frame_.watermark_us, after_);
  output.write.query = spec_.name;
  output.write.source_bytes = bytes_;
  output.skipped = skipped_;
  output.arrivals = std::move(arrivals_);
  if (window_ != nullptr) {
    MR_TRY(EndWindows(output));
  }
  work_.clear();
  return output;
}

// Emits the rows of closed (or changed) windows through the rest of the line. Their write time
// rises from epoch to epoch, so that a later result of the same window and key wins.
Status EpochRunner::EndWindows(EpochOutput& output) {
  MR_ASSIGN(WindowAggregate::Output ended, window_->EndEpoch(output.write.progress.watermark_us));
  output.write.state = std::move(ended.state);
  output.state_entries = window_->entries();
  if (ended.rows.rows == 0) return {};

  ++emitted_us_;
  for (const flow::Position& position : after_)
    emitted_us_ = std::max(emitted_us_, position.last_write_us);
  std::string emitted;
  AppendLittle(emitted, emitted_us_);
  output.write.state.push_back({kEngineOperator, 0, std::string(kEmittedKey), emitted});

  Chunk chunk{program_.topics.front(), PartitionId(-1), nullptr, 0, 0, 0, {emitted_us_}};
  std::vector<Refusal> refusals;
  ChunkContext context{chunk, context_, frame_.lookups, refusals};
  Rows rows;
  rows.record.assign(ended.rows.rows, 0);
  rows.ordinal.resize(ended.rows.rows);
  std::iota(rows.ordinal.begin(), rows.ordinal.end(), 0u);
  rows.place.resize(ended.rows.rows);
  std::iota(rows.place.begin(), rows.place.end(), int64_t{0});
  rows.batch = std::move(ended.rows);
  RefuseRows(rows, ended.errors, "expression", context);
  WrittenRows written;
  MR_TRY(RunOperators(program_.after, 0, std::move(rows), context, [&](Rows made) {
    return writer_->Write(std::move(made), context, written);
  }));
  output.rows_out += written.rows;
  std::move(written.tables.begin(), written.tables.end(), std::back_inserter(output.write.rows));
  for (size_t i = 0; i < written.records.size(); ++i) {
    std::move(written.records[i].begin(), written.records[i].end(),
              std::back_inserter(output.records[i]));
  }
  TakeLetters(chunk, refusals, output);
  return {};
}

}  // namespace millrace::engine
