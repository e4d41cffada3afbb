#include "pipeline/message_scan.h"

#include <algorithm>

namespace millrace::pipeline {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

class Scan {
 public:
  Scan(const ScanBudget& budget, const CancelToken& cancel, const MessageVisitor& visit)
      : budget_(budget), cancel_(cancel), visit_(visit) {}

  // False when the budget is used up; `end().next` is set then.
  Result<bool> Partition(flow::Source& source, PartitionId partition, flow::OffsetRange range) {
    while (range.begin < range.end) {
      if (UsedUp()) return Stop(partition, range.begin);
      MR_ASSIGN(const flow::RecordBlock block,
                source.Read(partition, range.begin, range.end, kReadBytes));
      for (const flow::RecordView& record : block.records) {
        if (UsedUp()) return Stop(partition, record.offset);
        ++end_.scanned;
        MR_ASSIGN(const bool taken, visit_(partition, record));
        if (!taken) continue;
        ++end_.taken;
        bytes_ += record.key_size + record.value_size;
      }
      range.begin = block.next;
    }
    return true;
  }

  const ScanEnd& end() const { return end_; }

 private:
  bool UsedUp() const {
    return end_.taken >= budget_.taken_max || end_.scanned >= budget_.scanned_max ||
           bytes_ >= budget_.bytes_max || cancel_.cancelled();
  }
  bool Stop(PartitionId partition, Offset next) {
    end_.next = MessagePlace{partition, next};
    return false;
  }

  const ScanBudget& budget_;
  const CancelToken& cancel_;
  const MessageVisitor& visit_;
  ScanEnd end_;
  uint64_t bytes_ = 0;
};

// The offset of the record with `count` - 1 records behind it; the range's begin when there are not
// so many. Looks ever further back: markers may stand between any two records.
Result<Offset> OffsetOfLast(flow::Source& source, PartitionId partition, flow::OffsetRange range,
                            int64_t count) {
  if (count <= 0) return range.end;
  for (int64_t back = count; back < range.end - range.begin; back *= 2) {
    std::vector<Offset> found;
    for (Offset at = range.end - back; at < range.end;) {
      MR_ASSIGN(const flow::RecordBlock block, source.Read(partition, at, range.end, kReadBytes));
      for (const flow::RecordView& record : block.records) found.push_back(record.offset);
      at = block.next;
    }
    const auto wanted = static_cast<size_t>(count);
    if (found.size() >= wanted) return found[found.size() - wanted];
  }
  return range.begin;
}

Result<Offset> StartOf(connect::Topics& topics, const std::string& topic, const MessageSeek& seek,
                       PartitionId partition, const std::vector<Offset>& last) {
  if (seek.from && seek.from->partition == partition) return seek.from->offset;
  if (seek.time) return topics.OffsetForTime(topic, partition, *seek.time);
  if (!last.empty()) return last[static_cast<size_t>(partition.value)];
  return seek.offset.value_or(Offset(0));
}

}  // namespace

Result<std::vector<Offset>> OffsetsOfLast(flow::Source& source, int64_t count) {
  std::vector<Offset> offsets;
  const int32_t partitions = source.partition_count();
  const int64_t share = count / partitions + (count % partitions == 0 ? 0 : 1);
  for (int32_t p = 0; p < partitions; ++p) {
    MR_ASSIGN(const flow::OffsetRange range, source.Readable(PartitionId(p)));
    MR_ASSIGN(const Offset start, OffsetOfLast(source, PartitionId(p), range, share));
    offsets.push_back(start);
  }
  return offsets;
}

Result<ScanEnd> ScanMessages(connect::Topics& topics, const std::string& topic,
                             const MessageSeek& seek, const ScanBudget& budget,
                             const CancelToken& cancel, const MessageVisitor& visit) {
  MR_ASSIGN(const auto source, topics.OpenSource(topic, {}));
  const int32_t count = source->partition_count();
  if (seek.partition && (seek.partition->value < 0 || seek.partition->value >= count)) {
    return Fail(ErrorCode::kNotFound, "topic {} has partitions 0 to {}, not {}", topic, count - 1,
                *seek.partition);
  }
  std::vector<Offset> last;
  if (seek.last) {
    const int64_t share = seek.partition ? *seek.last * count : *seek.last;
    MR_ASSIGN(last, OffsetsOfLast(*source, share));
  }
  Scan scan(budget, cancel, visit);
  for (PartitionId partition = seek.partition.value_or(PartitionId(0)); partition.value < count;
       ++partition) {
    if (seek.from && partition < seek.from->partition) continue;
    MR_ASSIGN(flow::OffsetRange range, source->Readable(partition));
    MR_ASSIGN(const Offset start, StartOf(topics, topic, seek, partition, last));
    range.begin = std::clamp(start, range.begin, range.end);
    MR_ASSIGN(const bool more, scan.Partition(*source, partition, range));
    if (!more || seek.partition) break;
  }
  return scan.end();
}

}  // namespace millrace::pipeline
