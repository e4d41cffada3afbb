// EpochRunner: takes the records of one epoch to everything that is to be committed for it. Live
// epochs and replayed ones pass through the same steps; only who chose the ranges differs.
//
//   MR_TRY(runner.Begin(frame));                 // what is fixed: number, clock, watermark, ...
//   MR_TRY(runner.Add(partition, block));        // in offset order within a partition; work begins
//   MR_ASSIGN(EpochOutput output, runner.Finish());
//
// Thread contract: one thread, the driver's; it hands work to its pool.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/stream/program.h"
#include "engine/stream/result_writer.h"
#include "engine/stream/scan.h"
#include "engine/stream/spec.h"
#include "engine/stream/window.h"
#include "engine/stream/worker_pool.h"

namespace millrace::engine {

// What is known of an epoch before its first record is looked at.
struct EpochFrame {
  EpochId epoch;
  TimestampUs now;
  uint64_t seed = 0;
  int64_t watermark_us = flow::Position::kNoWatermark;  // in force: decides what is late
  std::vector<flow::Position> positions;                // where it starts; sorted by place
  std::vector<LookupTablePtr> lookups;
};

struct EpochOutput {
  flow::EpochWrite write;                             // tables' rows, state, progress
  std::vector<std::vector<flow::OutRecord>> records;  // by topic sink of the spec
  std::vector<flow::OutRecord> dead_letters;
  std::vector<flow::OutRecord> late;
  uint64_t records_in = 0;
  uint64_t skipped = 0;  // replayed records meant for other queries; not in `records_in`
  // When they were appended, by chunk: of its oldest record.
  struct Arrival {
    TimestampMs appended;
    uint64_t records = 0;
  };
  std::vector<Arrival> arrivals;
  uint64_t rows_out = 0;
  size_t state_entries = 0;
};

class EpochRunner {
 public:
  // The spec must outlive the runner.
  static Result<std::unique_ptr<EpochRunner>> Make(const QuerySpec& spec, StreamProgram program);
  ~EpochRunner();

  const StreamProgram& program() const { return program_; }
  WindowAggregate* window() { return window_.get(); }
  // Reads state back before the first epoch.
  Status Restore(flow::StateStore& store);

  void Begin(EpochFrame frame);
  // `position` is the index into the frame's positions. The block must begin where the last one of
  // the partition ended.
  void Add(size_t position, flow::RecordBlock block);
  // Works along, then puts everything in order. After an error the epoch cannot be finished: the
  // query ends.
  Result<EpochOutput> Finish();

 private:
  struct Work;

  EpochRunner(const QuerySpec& spec, StreamProgram program);
  Status MakeReaders(size_t workers);
  void AddChunk(size_t position, const std::shared_ptr<const flow::RecordBlock>& block,
                size_t first, size_t count);
  void RunChunk(Work& work, size_t worker);
  Status RunLine(Work& work, size_t line, size_t worker, ChunkContext& context);
  Status EndWindows(EpochOutput& output);
  void TakeLetters(const Chunk& chunk, std::vector<Refusal>& refusals, EpochOutput& output) const;
  void Settle(Work& work, EpochOutput& output);

  const QuerySpec& spec_;
  StreamProgram program_;
  std::unique_ptr<ResultWriter> writer_;
  std::unique_ptr<WindowAggregate> window_;
  std::unique_ptr<WorkerPool> pool_;
  std::vector<std::vector<std::unique_ptr<ScanReader>>> readers_;  // by worker, by line

  // Of the epoch under way.
  EpochFrame frame_;
  EvalContext context_;
  std::deque<Work> work_;
  std::vector<flow::Position> after_;  // positions at the epoch's end
  uint64_t bytes_ = 0;
  uint64_t skipped_ = 0;
  std::vector<EpochOutput::Arrival> arrivals_;
  int64_t emitted_us_ = 0;  // write time of the newest rows that windows gave
};

}  // namespace millrace::engine
