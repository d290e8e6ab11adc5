/**
 * The shapes of the HTTP API, as openapi-typescript writes them from the OpenAPI file.
 * Do not edit: `npm run api` makes this file, and `npm run check` fails when it is stale.
 */
export interface components {
  schemas: {
    Problem: { type: string; title: string; status: number; detail: string; request_id?: string | null };
    Setup: { open: boolean };
    ClientKind: 'browser' | 'program';
    SetupRequest: { code: string; email: string; name: string; password: string; client?: components['schemas']['ClientKind'] };
    SignInRequest: { email: string; password: string; client?: components['schemas']['ClientKind'] };
    RefreshRequest: { refresh_token?: string | null };
    Session: { account: components['schemas']['Account']; expires_at: string; media_expires_at: string };
    Account: {
      id: string;
      email: string;
      name: string;
      role: string;
      quota_bytes?: number | null;
      used_bytes: number;
      reserved_bytes: number;
    };
    Timeline: { total: number; days: components['schemas']['TimelineDay'][] };
    TimelineDay: { day: string; count: number };
    AssetColumns: {
      id: string[];
      day: string[];
      kind: components['schemas']['AssetKind'][];
      state: components['schemas']['AssetState'][];
      ratio: number[];
      placeholder: (string | null)[];
      duration_ms: (number | null)[];
      version: number[];
      next?: string | null;
    };
    AssetKind: 'photo' | 'video' | 'other';
    AssetState: 'processing' | 'ready' | 'unviewable' | 'damaged';
    Asset: {
      id: string;
      kind: components['schemas']['AssetKind'];
      state: components['schemas']['AssetState'];
      file_name: string;
      bytes: number;
      sha256: string;
      captured: components['schemas']['Captured'];
      width?: number | null;
      height?: number | null;
      duration_ms?: number | null;
      placeholder?: string | null;
      camera?: null | components['schemas']['Camera'];
      place?: null | components['schemas']['Place'];
      media: components['schemas']['AssetMedia'];
      reason?: string | null;
      added_at: string;
    };
    Captured: { at: string; local: string; offset_minutes?: number | null; source: string };
    Camera: {
      make?: string | null;
      model?: string | null;
      lens?: string | null;
      f_number?: number | null;
      exposure_seconds?: number | null;
      iso?: number | null;
      focal_length_mm?: number | null;
    };
    Place: { latitude: number; longitude: number; altitude?: number | null };
    AssetMedia: { thumbnail?: string | null; preview?: string | null; original: string };
    UploadRequest: { file_name: string; bytes: number; sha256: string; modified_at?: string | null };
    UploadAnswer:
      | { outcome: 'duplicate'; asset: string }
      | { outcome: 'upload'; upload: components['schemas']['Upload'] };
    Upload: {
      id: string;
      part_size: number;
      part_count: number;
      arrived: components['schemas']['PartHash'][];
      expires_at: string;
      asset?: string | null;
    };
    PartHash: { number: number; sha256: string };
    PartTargetsRequest: { parts: components['schemas']['PartHash'][] };
    PartTargets: { parts: components['schemas']['PartTarget'][] };
    PartTarget: { number: number; method: string; url: string; headers: components['schemas']['Header'][]; expires_at: string };
    Header: { name: string; value: string };
    Completed: { asset: string };
    Album: { id: string; title: string; count: number; cover?: null | components['schemas']['AlbumCover']; created_at: string };
    AlbumCover: { asset: string; thumbnail?: string | null; placeholder?: string | null };
    Albums: { albums: components['schemas']['Album'][]; next?: string | null };
    AlbumRequest: { title: string };
    AssetIds: { assets: string[] };
    ItemResults: { results: components['schemas']['ItemResult'][] };
    ItemResult: { asset: string; outcome: components['schemas']['ItemOutcome'] };
    ItemOutcome: 'done' | 'unchanged' | 'not_found';
    Change:
      | { kind: 'asset'; id: string; state: components['schemas']['AssetState']; day: string }
      | { kind: 'album'; id: string };
    Health: { ok: boolean };
  };
}
