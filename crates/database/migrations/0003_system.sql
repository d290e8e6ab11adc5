-- What is not as it should be, for whoever runs this PicUp: few rows of many. An engine that can keeps only those in the index.
CREATE INDEX assets_state ON assets (state, owner, id) {but ready};
CREATE INDEX assets_motion_state ON assets (motion_state, id) {only damaged motion};
