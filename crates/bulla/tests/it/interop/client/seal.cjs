// Signs a file by a signing config: what sigstore-js offers beyond its command line.
//   node seal.cjs SIGNING_CONFIG messageSignature|dsseEnvelope FILE BUNDLE
// The token is in SIGSTORE_ID_TOKEN; a dsseEnvelope holds an in-toto statement.
'use strict';

const { readFileSync, writeFileSync } = require('fs');
const { SigningConfig } = require('@sigstore/protobuf-specs');
const { bundleToJSON } = require('@sigstore/bundle');
const { bundleBuilderFromSigningConfig } = require('@sigstore/sign');

const [config, bundleType, file, out] = process.argv.slice(2);
const builder = bundleBuilderFromSigningConfig({
  signingConfig: SigningConfig.fromJSON(JSON.parse(readFileSync(config))),
  identityProvider: { getToken: async () => process.env.SIGSTORE_ID_TOKEN },
  bundleType,
});
const type = bundleType === 'dsseEnvelope' ? 'application/vnd.in-toto+json' : undefined;
builder.create({ data: readFileSync(file), type }).then(
  (bundle) => writeFileSync(out, JSON.stringify(bundleToJSON(bundle))),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
