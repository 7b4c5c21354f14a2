//! OCI client, image layouts and archives, layers, referrers, credentials.
