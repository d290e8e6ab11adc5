// Short names for the generated shapes, so that the rest of the page reads in PicUp's own words.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Problem = Schemas['Problem'];
export type Setup = Schemas['Setup'];
export type SetupRequest = Schemas['SetupRequest'];
export type InvitationAcceptance = Schemas['InvitationAcceptance'];
export type InvitationLook = Schemas['InvitationLook'];
export type InvitationToken = Schemas['InvitationToken'];
export type SignInRequest = Schemas['SignInRequest'];
export type Session = Schemas['Session'];
export type Account = Schemas['Account'];
export type TimelineCounts = Schemas['Timeline'];
export type TimelineDay = Schemas['TimelineDay'];
export type AssetColumns = Schemas['AssetColumns'];
export type AssetKind = Schemas['AssetKind'];
export type AssetState = Schemas['AssetState'];
export type Asset = Schemas['Asset'];
export type AssetEdit = Schemas['AssetEdit'];
export type Captured = Schemas['Captured'];
export type Camera = Schemas['Camera'];
export type Place = Schemas['Place'];
export type UploadRequest = Schemas['UploadRequest'];
export type UploadAnswer = Schemas['UploadAnswer'];
export type UploadAnswers = Schemas['UploadAnswers'];
export type CompletionAnswers = Schemas['CompletionAnswers'];
export type Upload = Schemas['Upload'];
export type PartHash = Schemas['PartHash'];
export type PartTarget = Schemas['PartTarget'];
export type PartTargets = Schemas['PartTargets'];
export type Completed = Schemas['Completed'];
export type Album = Schemas['Album'];
export type Albums = Schemas['Albums'];
export type ItemOutcome = Schemas['ItemOutcome'];
export type ItemResults = Schemas['ItemResults'];
export type Change = Schemas['Change'];
export type TrashEmptied = Schemas['TrashEmptied'];
