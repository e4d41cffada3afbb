#include "log/producer_state.h"

#include <algorithm>

#include "base/bytes.h"

namespace millrace::log {

Result<std::optional<ProducerTable::Duplicate>> ProducerTable::Check(
    const BatchHeader& batch) const {
  if (batch.producer_id < 0) return std::optional<Duplicate>();
  const auto found = producers_.find(ProducerId(batch.producer_id));
  if (found == producers_.end()) return std::optional<Duplicate>();  // state expired: any sequence
  const Entry& entry = found->second;
  if (batch.producer_epoch < entry.epoch.value) {
    return Fail(ErrorCode::kConflict, "producer {} with epoch {} is fenced by epoch {}",
                batch.producer_id, batch.producer_epoch, entry.epoch);
  }
  if (batch.base_sequence < 0 || batch.control()) return std::optional<Duplicate>();
  if (batch.producer_epoch == entry.epoch.value) {
    const int32_t last = SequencePlus(batch.base_sequence, batch.last_offset_delta);
    for (const StoredBatch& stored : entry.window) {
      if (stored.first_sequence == batch.base_sequence && stored.last_sequence == last)
        return std::optional<Duplicate>({stored.first, stored.last, stored.timestamp});
    }
  }
  MR_TRY(CheckSequence(entry, batch));
  return std::optional<Duplicate>();
}

Status ProducerTable::CheckSequence(const Entry& entry, const BatchHeader& batch) const {
  const bool new_epoch = batch.producer_epoch > entry.epoch.value;
  if (!new_epoch && entry.window.empty()) return {};
  const int32_t expected = new_epoch ? 0 : SequencePlus(entry.window.back().last_sequence, 1);
  if (batch.base_sequence == expected) return {};
  return Fail(ErrorCode::kConflict, "producer {} sent sequence {} out of order, {} is next",
              batch.producer_id, batch.base_sequence, expected);
}

void ProducerTable::Apply(const BatchHeader& batch, std::optional<bool> commit) {
  if (batch.producer_id < 0) return;
  if (batch.control()) {
    if (commit) Finish(batch, *commit);
    return;
  }
  if (batch.base_sequence >= 0) Remember(batch);
  if (!batch.transactional()) return;
  OpenTransaction& open = open_[ProducerId(batch.producer_id)];
  if (open.batches == 0) {
    open.producer = {ProducerId(batch.producer_id), ProducerEpoch(batch.producer_epoch)};
    open.first = batch.base_offset;
  }
  open.last = batch.last_offset();
  ++open.batches;
}

void ProducerTable::Remember(const BatchHeader& batch) {
  Entry& entry = producers_[ProducerId(batch.producer_id)];
  if (entry.epoch.value != batch.producer_epoch) entry.window.clear();
  entry.epoch = ProducerEpoch(batch.producer_epoch);
  entry.last_seen = TimestampMs(batch.max_timestamp);
  if (entry.window.size() == kWindow) entry.window.erase(entry.window.begin());
  entry.window.push_back(
      {batch.base_sequence, SequencePlus(batch.base_sequence, batch.last_offset_delta),
       batch.base_offset, batch.last_offset(), TimestampMs(batch.max_timestamp)});
}

void ProducerTable::Finish(const BatchHeader& marker, bool commit) {
  const ProducerId id(marker.producer_id);
  if (const auto open = open_.find(id); open != open_.end()) {
    if (!commit) aborted_.push_back({id, open->second.first, marker.base_offset});
    open_.erase(open);
  }
  // A marker of a newer epoch fences older senders; a producer that never sent sequences has no
  // entry and needs none.
  if (const auto found = producers_.find(id); found != producers_.end()) {
    Entry& entry = found->second;
    if (marker.producer_epoch > entry.epoch.value) {
      entry.epoch = ProducerEpoch(marker.producer_epoch);
      entry.window.clear();
    }
    entry.last_seen = TimestampMs(marker.max_timestamp);
  }
}

std::optional<Offset> ProducerTable::FirstOpenOffset() const {
  std::optional<Offset> first;
  for (const auto& [id, open] : open_) {
    if (!first || open.first < *first) first = open.first;
  }
  return first;
}

void ProducerTable::Prune(Offset start, TimestampMs idle_since) {
  std::erase_if(aborted_, [&](const AbortedTransaction& a) { return a.marker < start; });
  std::erase_if(producers_, [&](const auto& item) {
    return item.second.last_seen < idle_since && !open_.contains(item.first);
  });
}

std::string ProducerTable::Encode() const {
  std::string bytes;
  AppendVarint(bytes, producers_.size());
  for (const auto& [id, entry] : producers_) {
    AppendSignedVarint(bytes, id.value);
    AppendSignedVarint(bytes, entry.epoch.value);
    AppendSignedVarint(bytes, entry.last_seen.value);
    AppendVarint(bytes, entry.window.size());
    for (const StoredBatch& batch : entry.window) {
      AppendSignedVarint(bytes, batch.first_sequence);
      AppendSignedVarint(bytes, batch.last_sequence);
      AppendSignedVarint(bytes, batch.first.value);
      AppendSignedVarint(bytes, batch.last.value);
      AppendSignedVarint(bytes, batch.timestamp.value);
    }
  }
  AppendVarint(bytes, open_.size());
  for (const auto& [id, open] : open_) {
    AppendSignedVarint(bytes, id.value);
    AppendSignedVarint(bytes, open.producer.epoch.value);
    AppendSignedVarint(bytes, open.first.value);
    AppendSignedVarint(bytes, open.last.value);
    AppendSignedVarint(bytes, open.batches);
  }
  AppendVarint(bytes, aborted_.size());
  for (const AbortedTransaction& aborted : aborted_) {
    AppendSignedVarint(bytes, aborted.producer.value);
    AppendSignedVarint(bytes, aborted.first.value);
    AppendSignedVarint(bytes, aborted.marker.value);
  }
  return bytes;
}

Result<ProducerTable> ProducerTable::Decode(std::string_view bytes) {
  ByteReader reader(bytes);
  ProducerTable table;
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n) {
    Entry& entry = table.producers_[ProducerId(reader.SignedVarint())];
    entry.epoch = ProducerEpoch(static_cast<int16_t>(reader.SignedVarint()));
    entry.last_seen = TimestampMs(reader.SignedVarint());
    for (uint64_t batches = reader.Varint(); batches > 0 && reader.ok(); --batches) {
      StoredBatch batch;
      batch.first_sequence = static_cast<int32_t>(reader.SignedVarint());
      batch.last_sequence = static_cast<int32_t>(reader.SignedVarint());
      batch.first = Offset(reader.SignedVarint());
      batch.last = Offset(reader.SignedVarint());
      batch.timestamp = TimestampMs(reader.SignedVarint());
      entry.window.push_back(batch);
    }
  }
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n) {
    OpenTransaction open;
    open.producer.id = ProducerId(reader.SignedVarint());
    open.producer.epoch = ProducerEpoch(static_cast<int16_t>(reader.SignedVarint()));
    open.first = Offset(reader.SignedVarint());
    open.last = Offset(reader.SignedVarint());
    open.batches = reader.SignedVarint();
    table.open_[open.producer.id] = open;
  }
  for (uint64_t n = reader.Varint(); n > 0 && reader.ok(); --n) {
    AbortedTransaction aborted;
    aborted.producer = ProducerId(reader.SignedVarint());
    aborted.first = Offset(reader.SignedVarint());
    aborted.marker = Offset(reader.SignedVarint());
    table.aborted_.push_back(aborted);
  }
  if (!reader.ok() || reader.remaining() != 0)
    return Fail(ErrorCode::kDamaged, "producer table of {} bytes is cut or too long", bytes.size());
  return table;
}

}  // namespace millrace::log
