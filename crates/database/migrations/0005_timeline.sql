-- What a page of the timeline asks for, and no more. MySQL leaves the id out of an index that is as wide as its limit of sixteen
-- columns, and then can neither answer from it alone nor read it in order.
CREATE INDEX assets_timeline ON assets (
    owner, trashed_at, captured_local, id,
    kind, state, width, height, duration_ms, placeholder,
    rendition_version, thumbnail_extension, favourite, motion_state
);
DROP INDEX assets_by_time {on assets};
